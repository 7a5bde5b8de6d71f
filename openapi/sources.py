"""The split files as they were written: read without YAML's surprises, each thing with its line.

Only this module knows YAML, and nothing imports it while a cached bundle serves.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader as FastestLoader
else:
    FastestLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in the split files, with its place. `file` is relative to the root document's folder."""

    file: str
    line: int
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.message}"


class ContractError(Exception):
    """The split files do not make one document; `problems` says why, all at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = list(problems)


class Loader(FastestLoader):
    """YAML with JSON's scalars: dates, `yes`, `on`, `010` and `1:30` stay strings, keys are always strings."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping with string keys; a key given twice is an error instead of a silent loss."""
        self.flatten_mapping(node)
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a scalar", key_node.start_mark)
            if key_node.value in mapping:
                problem = f"the key {key_node.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            mapping[key_node.value] = self.construct_object(value_node, deep=deep)
        return mapping


def _resolve(tag: str, pattern: str, first: str) -> None:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), [*first, ""])


Loader.yaml_implicit_resolvers = {}  # none of YAML 1.1's; setting it here keeps the base class' own untouched
_resolve("null", r"^(?:null|~|)$", "n~")
_resolve("bool", r"^(?:true|false)$", "tf")
_resolve("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789")
_resolve("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789")
_resolve("merge", r"^<<$", "<")


class Sources:
    """The files below one folder, each read at most once. File names are relative, with `/`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._documents: dict[str, Any] = {}
        self._nodes: dict[str, yaml.Node | None] = {}

    def read(self, file: str) -> Any:
        """The file as plain values. Raises ContractError when it is missing or no YAML."""
        if file not in self._documents:
            self._documents[file] = self._parsed(file)
        return self._documents[file]

    def _parsed(self, file: str) -> Any:
        try:
            return yaml.load(self._text(file), Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise ContractError([Problem(file, line, f"not readable as YAML: {error.problem}")]) from error
        except yaml.YAMLError as error:
            raise ContractError([Problem(file, 1, f"not readable as YAML: {error}")]) from error

    def _text(self, file: str) -> str:
        try:
            return (self.directory / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ContractError([Problem(file, 1, f"cannot be read: {reason}")]) from error

    def node(self, file: str) -> yaml.Node | None:
        """The file's root node, which knows lines."""
        if file not in self._nodes:
            self._nodes[file] = yaml.compose(self._text(file), Loader)
        return self._nodes[file]

    def line(self, file: str, tokens: Sequence[str]) -> int:
        """The line (from 1) on which the member at `tokens` starts, or its nearest parent that exists."""
        node, line = self.node(file), 1
        for token in tokens:
            found = _member(node, token)
            if found is None:
                break
            node, line = found
        return line


def _member(node: yaml.Node | None, token: str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == token:
                return value_node, key_node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and token.isdecimal() and int(token) < len(node.value):
        item = node.value[int(token)]
        return item, item.start_mark.line + 1
    return None


def split_reference(file: str, reference: str) -> tuple[str, list[str]]:
    """The file and the pointer's tokens that `reference` means when it stands in `file`."""
    name, _, fragment = reference.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(file), name)) if name else file
    return target, split_pointer(fragment)


def split_pointer(pointer: str) -> list[str]:
    """The tokens of a JSON pointer, with or without its leading `#`."""
    pointer = pointer.removeprefix("#")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def join_pointer(tokens: Sequence[str]) -> str:
    """`#/a/b` of `["a", "b"]`."""
    return "#" + "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def member(value: Any, tokens: Sequence[str]) -> Any:
    """The value at `tokens`. Raises KeyError when there is none."""
    for token in tokens:
        if isinstance(value, dict):
            value = value[token]
        elif isinstance(value, list) and token.isdecimal() and int(token) < len(value):
            value = value[int(token)]
        else:
            raise KeyError(token)
    return value
