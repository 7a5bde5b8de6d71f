"""What is written about a run can be written: without secrets, and without what no file can hold."""

from __future__ import annotations

import pytest

from contracts.cleanup import Survivors
from contracts.report.scrub import Scrubber
from contracts.report.terminal import print_result
from contracts.run import Options, Result, Run
from contracts.target import find_target


def test_what_no_file_can_hold_is_spelled_out() -> None:
    text = Scrubber.knowing([]).text("half \ud800, nul \x00, line\nbreak")
    assert text == "half \\ud800, nul \\u0000, line\nbreak"
    text.encode()


def test_a_secret_is_taken_out_in_every_spelling() -> None:
    text = Scrubber.knowing(['pass"word']).text('pass"word and pass\\"word and pass%22word')
    assert text == "[REDACTED] and [REDACTED] and [REDACTED]"


def test_why_a_journey_was_given_up_is_printed_without_secrets_and_without_halves_of_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Run(find_target("http://127.0.0.1:9", "dapi-of-this-test", None, None), Options())
    survivors = Survivors(["odd"], {"odd": "half \udc00 of dapi-of-this-test"})
    result = Result([], survivors, {}, {}, {}, {}, {"texts": "half \ud800 of dapi-of-this-test"}, [], "p-", 1, 1.0)
    print_result(result, run, [])
    printed = capsys.readouterr().out
    assert "Given up: texts: half \\ud800 of [REDACTED]" in printed
    assert "half \\udc00 of [REDACTED]" in printed
