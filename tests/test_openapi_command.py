"""`python -m openapi`: the rules it holds, each against a planted fault, and the document it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_contract import write

from openapi.__main__ import main

SHELVES = "paths/shelves.yaml"
SHELF = "schemas/shelf.yaml"
UNUSED = {"schemas/more.yaml": "Loose: {type: string}\n"}


def test_check_is_silent_and_content_on_a_description_without_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(write(tmp_path))]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (("openapi.yaml", 'version: "1"', "title2: x"), "openapi.yaml:2", '"version" is a required property'),
        (("openapi.yaml", "      operationId: get_health\n", ""), "openapi.yaml:11", "GET /health has no operationId"),
        ((SHELVES, "create_shelf", "createShelf"), f"{SHELVES}:3", "createShelf is not snake_case"),
        ((SHELVES, "create_shelf", "get_shelf"), f"{SHELVES}:35", "belongs to POST /shelves already"),
        ((SHELVES, "    summary: Read a shelf\n", ""), f"{SHELVES}:34", "get_shelf has no summary"),
        ((SHELVES, "    tags: [Shelves]\n", ""), f"{SHELVES}:2", "create_shelf has no tags"),
        ((SHELVES, "tags: [Shelves]", "tags: [Shelfs]"), f"{SHELVES}:5", "tag 'Shelfs', which the root does not"),
        ((SHELVES, "CAN_MANAGE", "CAN_DO"), f"{SHELVES}:6", "CAN_DO is no permission level"),
        (("parameters.yaml", "name: name", "name: nom"), f"{SHELVES}:34", "the path parameter name is in the path but"),
        (("parameters.yaml", "name: name", "name: nom"), f"{SHELVES}:34", "the path parameter nom is declared but not"),
        ((SHELVES, '      400: {$ref: "../responses.yaml#/Refused"}\n', ""), f"{SHELVES}:14", "does not document 400"),
        ((SHELVES, '      401: {$ref: "../responses.yaml#/Refused"}\n', ""), f"{SHELVES}:14", "does not document 401"),
        ((SHELVES, '      403: {$ref: "../responses.yaml#/Refused"}\n', ""), f"{SHELVES}:14", "does not document 403"),
        ((SHELVES, '      404: {$ref: "../responses.yaml#/Refused"}\n', ""), f"{SHELVES}:38", "does not document 404"),
        ((SHELVES, "      201:", "      301:"), f"{SHELVES}:14", "create_shelf documents no success"),
        ((SHELVES, "            example: {name: fiction, id: s1}\n", ""), f"{SHELVES}:18", "json has no example"),
        ((SHELVES, "volumes: 3", "volumes: 300"), f"{SHELVES}:13", "300 is more than the maximum of 100"),
        ((SHELVES, "{name: fiction, id: s1}", "{name: fiction}"), f"{SHELVES}:20", "Missing required field 'id'"),
        ((SHELVES, '\\"added\\": 1', '\\"added\\": true'), f"{SHELVES}:23", "expected an integer"),
        ((SHELVES, '{\\"added\\": 1}', "{added}"), f"{SHELVES}:23", "An event is not JSON"),
        (("responses.yaml", "error_code: NO, ", ""), "responses.yaml:7", "Missing required field 'error_code'"),
        (("parameters.yaml", "example: fiction", "example: F"), "parameters.yaml:6", "'F' does not match the pattern"),
        ((SHELF, "default: title", "default: size"), f"{SHELF}:8", "'size'; expected one of title, author"),
        ((SHELVES, "            operationId: get_shelf", "            operationId: gone"), f"{SHELVES}:25", "'gone'"),
        ((SHELVES, "parameters: {name:", "parameters: {nom:"), f"{SHELVES}:25", "sets nom, which get_shelf does"),
        (("openapi.yaml", "  /shelves/{name}:\n", "  /other/{name}:\n"), "openapi.yaml:8", "refers to another path"),
        ((SHELVES, "#/Shelf", "#/Shelv"), f"{SHELVES}:11", "broken reference: schemas/shelf.yaml has no 'Shelv'"),
    ],
)  # fmt: skip
def test_check_finds_the_planted_fault_at_its_line(
    change: tuple[str, str, str], place: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(write(tmp_path, change))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if f"{place}: error: " in line and words in line], "\n".join(lines)


def test_check_finds_what_nothing_refers_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = '  /shelves/{name}:\n    $ref: "paths/shelves.yaml#/~1shelves~1{name}"\n'
    assert main(["check", str(write(tmp_path, ("openapi.yaml", index, ""), extra=UNUSED))]) == 1
    out = capsys.readouterr().out
    assert "schemas/more.yaml:1: error: Loose (schemas) is never referred to" in out
    assert "paths/shelves.yaml:31: error: the path /shelves/{name} is never referred to" in out
    assert "parameters.yaml:1: error: Name (parameters) is never referred to" in out


def test_a_property_without_description_is_a_warning_and_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(write(tmp_path, (SHELF, ", description: How many}", "}")))]) == 0
    captured = capsys.readouterr()
    assert "schemas/shelf.yaml:7: warning: the property volumes has no description" in captured.out
    assert captured.err == "0 errors, 1 warnings\n"


def test_bundle_prints_one_json_document_whose_references_are_local(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    root = write(tmp_path)
    assert main(["bundle", str(root)]) == 0
    plain = capsysbinary.readouterr().out
    assert main(["bundle", "--indent", str(root)]) == 0
    indented = capsysbinary.readouterr().out
    assert json.loads(plain) == json.loads(indented)
    assert plain.count(b"\n") == 1
    assert indented.startswith(b'{\n  "openapi": "3.1.0"')
    assert b'"$ref":"#/' in plain
    assert b".yaml" not in plain


def test_bundle_of_broken_files_prints_the_problems_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bundle", str(write(tmp_path, (SHELF, "#/Dial", "#/Dail")))]) == 1
    assert "schemas/shelf.yaml:18: error: broken reference: schemas/shelf.yaml has no 'Dail'" in capsys.readouterr().out


def test_check_passes_on_the_contract_of_this_package() -> None:
    done = subprocess.run([sys.executable, "-m", "openapi", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
