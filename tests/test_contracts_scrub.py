"""What is written about a run can be written: without secrets, and without what no file can hold."""

from __future__ import annotations

from contracts.report.scrub import Scrubber


def test_what_no_file_can_hold_is_spelled_out() -> None:
    text = Scrubber.knowing([]).text("half \ud800, nul \x00, line\nbreak")
    assert text == "half \\ud800, nul \\u0000, line\nbreak"
    text.encode()


def test_a_secret_is_taken_out_in_every_spelling() -> None:
    text = Scrubber.knowing(['pass"word']).text('pass"word and pass\\"word and pass%22word')
    assert text == "[REDACTED] and [REDACTED] and [REDACTED]"
