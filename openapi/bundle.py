"""Split files -> one self-contained OpenAPI document, in memory.

References in the files are relative to the file they stand in. A schema of `schemas/*.yaml` becomes
`#/components/schemas/Name`; the root's `responses.yaml`, `parameters.yaml`, ... become the components of that
kind; a path item is put in place; any other target is written out where it is referred to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .cache import ROOT, source_names
from .sources import ContractError, Problem, Sources, join_pointer, member, split_pointer, split_reference

_COMPONENT_FILES = {
    "responses.yaml": "responses",
    "parameters.yaml": "parameters",
    "examples.yaml": "examples",
    "headers.yaml": "headers",
    "links.yaml": "links",
    "request_bodies.yaml": "requestBodies",
    "security_schemes.yaml": "securitySchemes",
}
_LITERALS = {"default", "const", "enum", "example"}
_NAMED = {
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "schemas",
    "responses",
    "content",
    "headers",
    "links",
    "callbacks",
    "securitySchemes",
    "requestBodies",
}


def bundle(root: Path = ROOT) -> dict[str, Any]:
    """Read the files at `root` and join them. Raises ContractError with every broken reference and double name."""
    bundler = _bundler(root)
    document = bundler.document()
    if bundler.problems:
        raise ContractError(bundler.problems)
    return document


def orphans(root: Path = ROOT) -> list[Problem]:
    """The schemas, responses, parameters and paths that no operation leads to. Raises ContractError."""
    bundler = _bundler(root)
    return bundler.orphans(bundler.document())


def source_of(pointer: str, root: Path = ROOT) -> tuple[str, int]:
    """The file (relative to the root's folder) and line that the bundle's `pointer` comes from.

    A pointer to something that does not exist gets the line of its nearest parent that does.
    """
    return Places(root).source(pointer)


class Places:
    """Answers many `source_of` questions, reading each file once."""

    def __init__(self, root: Path = ROOT) -> None:
        self._bundler = _bundler(root)

    def source(self, pointer: str) -> tuple[str, int]:
        """The file (relative to the root's folder) and line that the bundle's `pointer` comes from."""
        return self._bundler.source(split_pointer(pointer))


def _bundler(root: Path) -> _Bundler:
    return _Bundler(root.name, Sources(root.parent), source_names(root))


class _Bundler:
    def __init__(self, root: str, sources: Sources, files: list[str]) -> None:
        self.root = root
        self.sources = sources
        self.problems: list[Problem] = []
        self._homes: dict[tuple[str, str], str] = {}
        self.path_files = [file for file in files if file.startswith("paths/")]
        for file in files:
            kind = "schemas" if file.startswith("schemas/") else _COMPONENT_FILES.get(file)
            if kind is not None:
                self._house(file, kind)
        self._open: list[tuple[str, tuple[str, ...]]] = []

    def _house(self, file: str, kind: str) -> None:
        members = self.sources.read(file) or {}
        if not isinstance(members, dict):
            self._problem(file, (), "must be a mapping of names")
            return
        for name in members:
            other = self._homes.setdefault((kind, name), file)
            if other != file:
                line = self.sources.line(other, [name])
                self._problem(file, (name,), f"{name} is defined in {other}:{line} already")

    def document(self) -> dict[str, Any]:
        """The bundle; what is wrong with it goes to `problems`."""
        written = self.sources.read(self.root)
        document: dict[str, Any] = {}
        for key, value in written.items():
            document[key] = self._paths(value) if key == "paths" else self._rewritten(self.root, (key,), value)
        components = document.setdefault("components", {})
        for (kind, name), file in self._homes.items():
            value = self._rewritten(file, (name,), self.sources.read(file)[name])
            if components.setdefault(kind, {}).setdefault(name, value) is not value:
                line = self.sources.line(self.root, ["components", kind, name])
                self._problem(file, (name,), f"{name} is defined in {self.root}:{line} already")
        return document

    def _paths(self, index: dict[str, Any]) -> dict[str, Any]:
        paths = {}
        for path, entry in index.items():
            at = ("paths", path)
            if isinstance(entry, dict) and isinstance(entry.get("$ref"), str):
                file, tokens = split_reference(self.root, entry["$ref"])
                if tokens[-1:] != [path]:
                    self._problem(self.root, at, f"{path} refers to another path: {entry['$ref']}")
                if not self._exists(self.root, at, file, tokens):
                    continue
                paths[path] = self._rewritten(file, tuple(tokens), self._member(file, tokens))
            else:
                paths[path] = self._rewritten(self.root, at, entry)
        return paths

    def _rewritten(self, file: str, at: tuple[str, ...], value: Any, named: bool = False) -> Any:
        if isinstance(value, list):
            return [self._rewritten(file, (*at, str(index)), item) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not named and isinstance(value.get("$ref"), str):
            return self._reference(file, at, value)
        return {key: self._entry(file, (*at, key), key, child, named) for key, child in value.items()}

    def _entry(self, file: str, at: tuple[str, ...], key: str, value: Any, named: bool) -> Any:
        if named:
            return self._rewritten(file, at, value)
        if key in _LITERALS:
            return value
        if key == "examples":
            return self._examples(file, at, value)
        if key == "mapping" and at[-2:-1] == ("discriminator",):
            return {name: self._mapped(file, (*at, name), target) for name, target in value.items()}
        return self._rewritten(file, at, value, named=key in _NAMED and isinstance(value, dict))

    def _examples(self, file: str, at: tuple[str, ...], examples: Any) -> Any:
        if not isinstance(examples, dict):
            return examples
        return {
            name: self._reference(file, (*at, name), example)
            if isinstance(example, dict) and isinstance(example.get("$ref"), str)
            else example
            for name, example in examples.items()
        }

    def _reference(self, file: str, at: tuple[str, ...], value: dict[str, Any]) -> Any:
        target, tokens = split_reference(file, value["$ref"])
        siblings = {key: self._entry(file, (*at, key), key, child, False) for key, child in value.items()}
        if not self._exists(file, (*at, "$ref"), target, tokens):
            return siblings
        home = self._home(target, tokens)
        if home is not None:
            return {**siblings, "$ref": join_pointer(home)}
        place = (target, tuple(tokens))
        if place in self._open:
            self._problem(file, (*at, "$ref"), f"{value['$ref']} contains itself; move it to schemas/")
            return siblings
        self._open.append(place)
        inlined = self._rewritten(target, tuple(tokens), self._member(target, tokens))
        self._open.pop()
        del siblings["$ref"]
        return {**inlined, **siblings} if siblings and isinstance(inlined, dict) else inlined

    def _mapped(self, file: str, at: tuple[str, ...], target: str) -> str:
        if ("schemas", target) in self._homes:
            return join_pointer(["components", "schemas", target])
        other, tokens = split_reference(file, target)
        home = self._home(other, tokens) if self._exists(file, at, other, tokens) else None
        return join_pointer(home) if home is not None else target

    def _home(self, file: str, tokens: list[str]) -> list[str] | None:
        """Where the bundle keeps it, or None when it has no place of its own."""
        if file == self.root:
            return tokens
        kind = "schemas" if file.startswith("schemas/") else _COMPONENT_FILES.get(file)
        if kind is not None and tokens:
            return ["components", kind, *tokens]
        if file.startswith("paths/") and len(tokens) > 1 and tokens[0] in self.sources.read(self.root).get("paths", {}):
            return ["paths", *tokens]
        return None

    def _member(self, file: str, tokens: list[str]) -> Any:
        return member(self.sources.read(file), tokens)

    def _exists(self, file: str, at: tuple[str, ...], target: str, tokens: list[str]) -> bool:
        try:
            if target == self.root and tokens[:1] == ["components"] and tuple(tokens[1:3]) in self._homes:
                target, tokens = self._homes[(tokens[1], tokens[2])], tokens[2:]
            self._member(target, tokens)
        except ContractError as error:
            self._problem(file, at, f"broken reference to {target}: {error.problems[0].message}")
            return False
        except KeyError as error:
            self._problem(
                file, at, f"broken reference: {target} has no {'/'.join(tokens)!r} ({error.args[0]!r} is missing)"
            )
            return False
        return True

    def _problem(self, file: str, at: tuple[str, ...], message: str) -> None:
        self.problems.append(Problem(file, self.sources.line(file, at), message))

    def source(self, tokens: list[str]) -> tuple[str, int]:
        """File and line of the bundle's member at `tokens`."""
        file, local, rest = self.root, list[str](), list(tokens)
        if tokens[:1] == ["components"] and tuple(tokens[1:3]) in self._homes:
            file, rest = self._homes[(tokens[1], tokens[2])], tokens[2:]
        for token in rest:
            file, local = self._followed(file, local)
            local.append(token)
        return file, self.sources.line(file, local)

    def _followed(self, file: str, local: list[str]) -> tuple[str, list[str]]:
        """The same place, or the end of the reference that stands there."""
        for _ in range(20):
            try:
                value = self._member(file, local)
            except KeyError:
                break
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                break
            file, local = split_reference(file, value["$ref"])
        return file, local

    def orphans(self, document: dict[str, Any]) -> list[Problem]:
        """What is defined and never reached from a path."""
        reached: set[tuple[str, str]] = set()
        pending: list[Any] = [{key: value for key, value in document.items() if key != "components"}]
        while pending:
            for reference in _references(pending.pop()):
                tokens = tuple(split_reference(self.root, reference)[1])
                name = tokens[1:3]
                if tokens[:1] == ("components",) and len(name) == 2 and name not in reached:
                    reached.add((name[0], name[1]))
                    pending.append(document["components"].get(name[0], {}).get(name[1]))
        loose = [
            (file, name, f"{name} ({kind})")
            for (kind, name), file in self._homes.items()
            if (kind, name) not in reached
        ]
        loose += [
            (file, path, f"the path {path}")
            for file in self.path_files
            for path in self.sources.read(file) or ()
            if path not in document.get("paths", {})
        ]
        return [
            Problem(file, self.sources.line(file, [name]), f"{what} is never referred to") for file, name, what in loose
        ]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, child in value.items():
            if key == "$ref" and isinstance(child, str):
                yield child
            elif key == "mapping" and isinstance(child, dict):
                yield from (target for target in child.values() if isinstance(target, str) and target.startswith("#"))
            else:
                yield from _references(child)
