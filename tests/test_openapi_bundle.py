"""Split files become one document; what is wrong with them is told with its place; the cache is only a convenience."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from small_contract import write

from openapi.bundle import bundle, orphans, source_of
from openapi.cache import ROOT, load_bundle
from openapi.sources import ContractError
from openapi.spec import Spec

SHELF = "schemas/shelf.yaml"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the cache of the user who runs it."""
    folder = tmp_path / "user-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key == "$ref":
                yield child
            else:
                yield from references(child)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def problems(root: Path) -> list[str]:
    with pytest.raises(ContractError) as caught:
        bundle(root)
    return [str(problem) for problem in caught.value.problems]


def test_every_reference_becomes_a_local_one_to_something_that_exists(tmp_path: Path) -> None:
    document = bundle(write(tmp_path))
    found = set(references(document))
    assert "#/components/schemas/Shelf" in found
    assert "#/components/responses/Refused" in found
    assert "#/components/parameters/Name" in found
    spec = Spec(document)
    assert all(spec.resolved({"$ref": reference}) for reference in found)
    assert "$ref" not in document["paths"]["/shelves"]


def test_a_schema_may_contain_itself(tmp_path: Path) -> None:
    shelf = bundle(write(tmp_path))["components"]["schemas"]["Shelf"]
    assert shelf["properties"]["parts"]["items"] == {"$ref": "#/components/schemas/Shelf"}


def test_the_mapping_of_a_discriminator_is_rewritten_by_reference_and_by_name(tmp_path: Path) -> None:
    lock = bundle(write(tmp_path))["components"]["schemas"]["Lock"]
    assert lock["discriminator"]["mapping"] == {
        "bolt": "#/components/schemas/Bolt",
        "dial": "#/components/schemas/Dial",
    }


def test_yaml_has_no_surprises(tmp_path: Path) -> None:
    text = """\
Odd:
  type: object
  properties:
    on: {type: string, enum: [yes, no, on, off, y, ~x], description: Norway}
    200: {type: string, default: 2024-01-31}
    null: {type: string, default: 010}
    true: {type: string, default: 1:30:00}
    float: {type: number, default: 1.5}
    text: {type: string, default: 1_000}
    version: {type: string, default: .5}
    nothing: {default: }
    flag: {type: boolean, default: false}
    big: {type: integer, default: -12}
"""
    odd = bundle(write(tmp_path, extra={"schemas/odd.yaml": text}))["components"]["schemas"]["Odd"]["properties"]
    assert odd["on"]["enum"] == ["yes", "no", "on", "off", "y", "~x"]
    assert [name for name in odd if not isinstance(name, str)] == []
    defaults = {name: schema.get("default") for name, schema in odd.items()}
    assert defaults == {
        "on": None,
        "200": "2024-01-31",
        "null": "010",
        "true": "1:30:00",
        "float": 1.5,
        "text": "1_000",
        "version": ".5",
        "nothing": None,
        "flag": False,
        "big": -12,
    }


def test_statuses_are_strings_however_they_are_written(tmp_path: Path) -> None:
    document = bundle(write(tmp_path, ("paths/shelves.yaml", "      201:", '      "201":')))
    assert list(document["paths"]["/shelves"]["post"]["responses"]) == ["201", "400", "401", "403"]


def test_a_reference_inside_an_example_is_data(tmp_path: Path) -> None:
    root = write(tmp_path, ("paths/shelves.yaml", "{name: fiction, volumes: 3}", '{$ref: "nowhere.yaml#/X"}'))
    media = bundle(root)["paths"]["/shelves"]["post"]["requestBody"]["content"]["application/json"]
    assert media["examples"]["small"]["value"] == {"$ref": "nowhere.yaml#/X"}


def test_a_property_called_like_a_keyword_is_a_property(tmp_path: Path) -> None:
    root = write(
        tmp_path, (SHELF, "    lock:", '    example: {$ref: "#/Lock"}\n    default: {$ref: "#/Lock"}\n    lock:')
    )
    properties = bundle(root)["components"]["schemas"]["Shelf"]["properties"]
    assert properties["example"] == properties["default"] == {"$ref": "#/components/schemas/Lock"}


def test_other_targets_are_written_out_where_they_are_referred_to(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        (SHELF, 'lock: {$ref: "#/Lock"}', 'lock: {$ref: "../more/locks.yaml#/any", deprecated: true}'),
        extra={"more/locks.yaml": 'any: {description: Any, anyOf: [{$ref: "../schemas/shelf.yaml#/Lock"}]}'},
    )
    lock = bundle(root)["components"]["schemas"]["Shelf"]["properties"]["lock"]
    assert lock == {
        "description": "Any",
        "anyOf": [{"$ref": "#/components/schemas/Lock"}],
        "deprecated": True,
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((SHELF, '{$ref: "#/Lock"}', '{$ref: "#/Lok"}'), f"{SHELF}:9: error: broken reference: {SHELF} has no 'Lok'"),
        ((SHELF, '{$ref: "#/Lock"}', '{$ref: "no.yaml#/L"}'), f"{SHELF}:9: error: broken reference to schemas/no.yaml"),
        ((SHELF, "dial: Dial", "dial: Dail"), f"{SHELF}:21: error: broken reference to schemas/Dail"),
        (("openapi.yaml", "shelves.yaml#/~1shelves~1{name}", "shelves.yaml#/~1shelf"), "openapi.yaml:8: error: broken"),
        ((SHELF, "Dial:\n", "Error:\n"), f"{SHELF}:28: error: Error is defined in schemas/errors.yaml:1 already"),
        ((SHELF, "Dial:\n", "Bolt:\n"), f"{SHELF}:28: error: not readable as YAML: the key 'Bolt' is given twice"),
        ((SHELF, "Dial:\n", "Dial: [\n"), f"{SHELF}:30: error: not readable as YAML"),
    ],
)
def test_a_fault_is_told_with_file_and_line(change: tuple[str, str, str], told: str, tmp_path: Path) -> None:
    assert [problem for problem in problems(write(tmp_path, change)) if problem.startswith(told)]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    found = problems(write(tmp_path, (SHELF, '{$ref: "#/Lock"}', '{$ref: "#/A"}'), (SHELF, '"#/Bolt"\n', '"#/B"\n')))
    assert len(found) == 2


def test_an_inlined_fragment_that_contains_itself_is_told_and_not_followed_for_ever(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        (SHELF, 'lock: {$ref: "#/Lock"}', 'lock: {$ref: "../more/locks.yaml#/any"}'),
        extra={"more/locks.yaml": 'any: {properties: {inner: {$ref: "#/any"}}}'},
    )
    assert problems(root) == ["more/locks.yaml:1: error: #/any contains itself; move it to schemas/"]


def test_what_nothing_refers_to_is_an_orphan(tmp_path: Path) -> None:
    assert orphans(write(tmp_path)) == []
    found = orphans(write(tmp_path, extra={"schemas/more.yaml": "\nLoose: {type: string}\n"}))
    assert [str(problem) for problem in found] == [
        "schemas/more.yaml:2: error: Loose (schemas) is never referred to",
    ]


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("#/info/title", ("openapi.yaml", 2)),
        ("#/paths/~1health/get/summary", ("openapi.yaml", 13)),
        ("#/paths/~1shelves", ("openapi.yaml", 6)),
        ("#/paths/~1shelves/post", ("paths/shelves.yaml", 2)),
        ("#/paths/~1shelves~1{name}/get/responses/404", ("paths/shelves.yaml", 47)),
        ("#/paths/~1shelves~1{name}/get/responses/404/content", ("responses.yaml", 3)),
        ("#/components/schemas/Shelf/properties/volumes", (SHELF, 7)),
        ("#/components/schemas/Shelf/properties/lock/oneOf/1", (SHELF, 18)),
        ("#/components/parameters/Name/schema", ("parameters.yaml", 5)),
        ("#/components/schemas/Shelf/properties/nothing/of/it", (SHELF, 4)),
        ("#/components/schemas/Nobody", ("openapi.yaml", 18)),
    ],
)
def test_a_pointer_of_the_bundle_has_a_file_and_a_line(pointer: str, place: tuple[str, int], tmp_path: Path) -> None:
    assert source_of(pointer, write(tmp_path)) == place


def cached(root: Path) -> Path:
    return root.parent / "__pycache__" / "openapi.bundle.json"


def test_a_second_load_reads_the_cache_and_a_changed_file_makes_it_stale(tmp_path: Path) -> None:
    root = write(tmp_path)
    first = load_bundle(root)
    key, _, body = cached(root).read_bytes().partition(b"\n")
    assert orjson.loads(body) == first == bundle(root)
    cached(root).write_bytes(key + b"\n" + orjson.dumps({"from": "the cache"}))
    assert load_bundle(root) == {"from": "the cache"}
    write(tmp_path, (SHELF, "How many", "How many there are"))
    assert load_bundle(root)["components"]["schemas"]["Shelf"]["properties"]["volumes"]["description"] == (
        "How many there are"
    )


def test_a_new_file_makes_the_cache_stale(tmp_path: Path) -> None:
    root = write(tmp_path)
    load_bundle(root)
    (tmp_path / "schemas" / "more.yaml").write_text("More: {type: string}\n")
    assert "More" in load_bundle(root)["components"]["schemas"]


@pytest.mark.parametrize("spoiled", [b"", b"junk", b"{", b"\xff\xfe", b'"a string"', b"[]"])
def test_a_spoiled_cache_is_made_anew(spoiled: bytes, tmp_path: Path) -> None:
    root = write(tmp_path)
    load_bundle(root)
    key = cached(root).read_bytes().partition(b"\n")[0]
    for content in (spoiled, key + b"\n" + spoiled):
        cached(root).write_bytes(content)
        assert load_bundle(root) == bundle(root)
        assert cached(root).read_bytes().startswith(key + b"\n{")


def test_without_a_writable_folder_the_users_cache_serves(tmp_path: Path, own_cache: Path) -> None:
    root = write(tmp_path)
    (tmp_path / "__pycache__").write_text("a file stands in the way")
    assert load_bundle(root) == bundle(root)
    (stored,) = (own_cache / "serving-endpoints-mock").iterdir()
    key = stored.read_bytes().partition(b"\n")[0]
    stored.write_bytes(key + b'\n{"from": "the cache"}')
    assert load_bundle(root) == {"from": "the cache"}


def test_without_any_cache_the_files_are_read(tmp_path: Path, own_cache: Path) -> None:
    root = write(tmp_path)
    (tmp_path / "__pycache__").write_text("a file stands in the way")
    own_cache.write_text("and here")
    assert load_bundle(root) == bundle(root)


def test_nothing_is_left_behind_but_the_cache(tmp_path: Path) -> None:
    root = write(tmp_path)
    load_bundle(root)
    assert os.listdir(root.parent / "__pycache__") == ["openapi.bundle.json"]


def test_a_start_from_the_cache_imports_neither_yaml_nor_the_validator() -> None:
    load_bundle(ROOT)
    code = "import sys, openapi; openapi.load(); print({'yaml', 'jsonschema_rs', 'openapi.bundle'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
