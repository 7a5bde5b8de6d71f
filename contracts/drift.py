"""The contract against the vendor's SDK: what a release has that the contract lacks, read from its source."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from .routes import spec

Json = Any
_HOLE = re.compile(r"\{[^}]*\}")


@dataclass
class Release:
    """What one serving.py declares: members of dataclasses, values of enumerations, and the operations it calls."""

    name: str
    classes: dict[str, set[str]] = field(default_factory=dict)
    enums: dict[str, set[str]] = field(default_factory=dict)
    operations: set[str] = field(default_factory=set)


@dataclass
class Drift:
    """What a release has and the contract has not. ``gone`` is what the release before had and this one has not."""

    release: str
    operations: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    schemas: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        return bool(self.operations or self.members or self.values)


def installed() -> Path | None:
    """The serving.py of the installed databricks-sdk."""
    try:
        found = find_spec("databricks.sdk")
    except ModuleNotFoundError:
        return None
    folders = found.submodule_search_locations if found else None
    return Path(folders[0]) / "service" / "serving.py" if folders else None


def read_release(path: Path) -> Release:
    """What a serving.py declares, without importing it."""
    release = Release(path.name if path.stem != "serving" else path.parent.parent.name)
    if (version := path.parent.parent / "version.py").is_file():
        release.name = version.read_text("utf-8").partition('"')[2].partition('"')[0] or release.name
    for node in ast.parse(path.read_text("utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {ast.unparse(base) for base in node.bases}
        if "Enum" in bases:
            release.enums[node.name] = set(_values(node))
        elif any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
            release.classes[node.name] = {
                each.target.id
                for each in node.body
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            }
        release.operations |= set(_operations(node))
    return release


def _values(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant):
            yield str(each.value.value)


def _operations(node: ast.ClassDef) -> Iterator[str]:
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("_api.do") or len(call.args) < 2:
            continue
        method, path = call.args[:2]
        if isinstance(method, ast.Constant):
            text = path.value if isinstance(path, ast.Constant) else ast.unparse(path).strip("f'\"")
            yield f"{method.value!s} {_HOLE.sub('{}', str(text))}"


def members_of(schema: Json, seen: frozenset[str] = frozenset()) -> tuple[set[str], set[str]]:
    """The members and the enumerated values that a schema of the contract knows, through all its parts."""
    if not isinstance(schema, dict):
        return set(), set()
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            return set(), set()
        return members_of(spec().resolved(schema), seen | {reference})
    members = {key for key, value in (schema.get("properties") or {}).items() if value is not False}
    values = {str(value) for value in schema.get("enum") or ()}
    if "const" in schema:
        values.add(str(schema["const"]))
    for part in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(part) or ():
            more, others = members_of(each, seen)
            members |= more
            values |= others
    return members, values


def drift_of(release: Release, before: Release | None = None) -> Drift:
    """What the contract lacks of a release."""
    schemas: dict[str, Json] = spec().document["components"]["schemas"]
    drift = Drift(release.name)
    known = {f"{each.method} {_HOLE.sub('{}', each.path)}" for each in spec().operations.values()}
    drift.operations = sorted(release.operations - known)
    for name, fields in sorted(release.classes.items()):
        found = [schemas[each] for each in (name, f"{name}Input", f"{name}Output") if each in schemas]
        if not found:
            drift.schemas.append(name)
            continue
        members = set().union(*(members_of(each)[0] for each in found))
        drift.members += sorted(f"{name}.{each}" for each in fields - members)
    for name, values in sorted(release.enums.items()):
        if name in schemas:
            accepted = members_of(schemas[name])[1]
            drift.values += sorted(f"{name}.{each}" for each in values - accepted) if accepted else []
    if before is not None:
        drift.new, drift.gone = _names(release) - _names(before), _names(before) - _names(release)
        drift.new, drift.gone = sorted(drift.new), sorted(drift.gone)
    return drift


def _names(release: Release) -> Any:
    fields = {f"{name}.{each}" for name, members in release.classes.items() for each in members}
    values = {f"{name}.{each}" for name, members in release.enums.items() for each in members}
    return fields | values | release.operations


def report_drift(paths: list[Path], as_json: bool) -> int:
    """The ``drift`` command: 0 when the contract has everything, 1 when it lacks something, 2 without an SDK."""
    if not paths:
        found = installed()
        if found is None:
            click.echo("serving-contracts: databricks-sdk is not installed; give the serving.py of a release", err=True)
            return 2
        paths = [found]
    drifts: list[Drift] = []
    before: Release | None = None
    for path in paths:
        try:
            release = read_release(path)
        except (OSError, SyntaxError) as problem:
            click.echo(f"serving-contracts: {path}: {problem}", err=True)
            return 2
        drifts.append(drift_of(release, before))
        before = release
    if as_json:
        click.echo(json.dumps([asdict(each) for each in drifts], indent=1))
    else:
        for each in drifts:
            _print(each)
    return 1 if any(each.is_any for each in drifts) else 0


def _print(drift: Drift) -> None:
    click.echo(
        f"databricks-sdk {drift.release}: {'the contract lacks' if drift.is_any else 'the contract has everything'}"
    )
    for title, entries in (
        ("operation", drift.operations),
        ("member", drift.members),
        ("value", drift.values),
        ("new in this release", drift.new),
        ("gone since the release before", drift.gone),
    ):
        for entry in entries:
            click.echo(f"  {title}: {entry}")
    if drift.schemas:
        click.echo(f"  not schemas of the contract by these names: {', '.join(drift.schemas)}")
