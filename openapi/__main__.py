"""`python -m openapi check` tells what is wrong with the description; `bundle` prints it as one JSON document."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from .bundle import bundle
from .cache import ROOT
from .portable import portable
from .sources import ContractError, Problem


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 1 when the description has errors."""
    options = _parser().parse_args(arguments)
    try:
        return _check(options.root) if options.command == "check" else _bundle(options.root, options.indent)
    except ContractError as error:
        _print(options.root, error.problems)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m openapi", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="validate and lint; exit status 1 when there are errors")
    join = commands.add_parser("bundle", help="print one self-contained JSON document")
    join.add_argument("--indent", action="store_true", help="for people: two spaces for each level")
    for command in (check, join):
        command.add_argument("root", nargs="?", type=Path, default=ROOT, help="root document (default: this package's)")
    return parser


def _check(root: Path) -> int:
    from .lint import problems

    found = problems(root)
    _print(root, found)
    errors = sum(problem.severity == "error" for problem in found)
    print(f"{errors} errors, {len(found) - errors} warnings", file=sys.stderr)
    return 1 if errors else 0


def _bundle(root: Path, indent: bool) -> int:
    content = orjson.dumps(portable(bundle(root)), option=orjson.OPT_INDENT_2 if indent else None)
    sys.stdout.buffer.write(content + b"\n")
    return 0


def _print(root: Path, problems: Sequence[Problem]) -> None:
    folder = os.path.relpath(root.parent)
    for problem in problems:
        print(os.path.normpath(os.path.join(folder, str(problem))))


if __name__ == "__main__":
    sys.exit(main())
