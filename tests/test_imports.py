"""Who may import whom, held by reading the sources: each rule on the project, and on a planted violation."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

import contracts
import mockserver
import openapi
from mockserver.handlers import CONTROL_PLANE, HANDLERS, QUERIES, handler
from mockserver.handlers import load as load_handlers

PACKAGES = {package.__name__: Path(str(package.__file__)).parent for package in (openapi, mockserver, contracts)}
EDGE = ("mockserver.app", "mockserver.ui")
FUZZER = ("contracts.runner", "contracts.checks")

Rule = Callable[[str, str], bool]
"""Whether a module (first) may import a module (second), both by their full names."""


def within(module: str, *packages: str) -> bool:
    """Whether the module is one of the packages or inside one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def openapi_imports_nothing_of_ours(importer: str, imported: str) -> bool:
    return not (within(importer, "openapi") and within(imported, "mockserver", "contracts"))


def mock_and_harness_never_import_each_other(importer: str, imported: str) -> bool:
    crossing = within(importer, "mockserver") and within(imported, "contracts")
    return not (crossing or (within(importer, "contracts") and within(imported, "mockserver")))


def the_domain_needs_the_standard_library_only(importer: str, imported: str) -> bool:
    known = within(imported, "mockserver.domain") or imported.partition(".")[0] in sys.stdlib_module_names
    return known or not within(importer, "mockserver.domain")


def flask_appears_at_the_edge_only(importer: str, imported: str) -> bool:
    return within(importer, *EDGE) or not within(imported, "flask", "werkzeug")


def schemathesis_appears_in_two_modules_only(importer: str, imported: str) -> bool:
    return within(importer, *FUZZER) or not within(imported, "schemathesis")


RULES: tuple[Rule, ...] = (
    openapi_imports_nothing_of_ours,
    mock_and_harness_never_import_each_other,
    the_domain_needs_the_standard_library_only,
    flask_appears_at_the_edge_only,
    schemathesis_appears_in_two_modules_only,
)


def module_name(package: str, path: PurePosixPath) -> str:
    """The full name of the module in the file `path`, relative to its package's folder."""
    parts = [package, *path.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything the source imports, wherever it does: in functions and by string too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parents = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parents, base] if base else parents)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and _is_import_call(node.func):
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")


def violations(rule: Rule, source: str, package: str, path: PurePosixPath) -> list[str]:
    module = module_name(package, path)
    found = imports(source, module, is_package=path.name == "__init__.py")
    return [f"{package}/{path}:{line} imports {name}" for line, name in found if not rule(module, name)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    files = [(name, folder, path) for name, folder in PACKAGES.items() for path in sorted(folder.rglob("*.py"))]
    assert len(files) > 30
    assert [
        violation
        for name, folder, path in files
        for violation in violations(rule, path.read_text(), name, PurePosixPath(path.relative_to(folder).as_posix()))
    ] == []


@pytest.mark.parametrize(
    ("rule", "file", "source"),
    [
        (openapi_imports_nothing_of_ours, "openapi/spec.py", "import mockserver"),
        (openapi_imports_nothing_of_ours, "openapi/spec.py", "from contracts.target import Target"),
        (openapi_imports_nothing_of_ours, "openapi/spec.py", "def f():\n    from mockserver import core"),
        (mock_and_harness_never_import_each_other, "mockserver/core.py", "import contracts.target as target"),
        (mock_and_harness_never_import_each_other, "contracts/oracle.py", "from mockserver.domain import traffic"),
        (mock_and_harness_never_import_each_other, "contracts/oracle.py", "import_module('mockserver.core')"),
        (mock_and_harness_never_import_each_other, "contracts/oracle.py", "importlib.import_module('mockserver')"),
        (mock_and_harness_never_import_each_other, "contracts/oracle.py", "__import__('mockserver')"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/traffic.py", "import faker"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/traffic.py", "from .. import errors"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/traffic.py", "from ..errors import ApiError"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/__init__.py", "from ..clock import Clock"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/inference/a.py", "from ...clock import Clock"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/views.py", "import openapi"),
        (flask_appears_at_the_edge_only, "mockserver/core.py", "import flask"),
        (flask_appears_at_the_edge_only, "mockserver/handlers/endpoints.py", "from flask import request"),
        (flask_appears_at_the_edge_only, "mockserver/errors.py", "from werkzeug.exceptions import NotFound"),
        (flask_appears_at_the_edge_only, "mockserver/application.py", "import flask"),
        (flask_appears_at_the_edge_only, "mockserver/server.py", "from werkzeug.serving import make_server"),
        (schemathesis_appears_in_two_modules_only, "contracts/oracle.py", "import schemathesis.checks"),
        (schemathesis_appears_in_two_modules_only, "mockserver/core.py", "from schemathesis import Case"),
    ],
)  # fmt: skip
def test_a_planted_violation_is_caught(rule: Rule, file: str, source: str) -> None:
    package, _, path = file.partition("/")
    assert len(violations(rule, source, package, PurePosixPath(path))) == 1


@pytest.mark.parametrize(
    ("rule", "file", "source"),
    [
        (openapi_imports_nothing_of_ours, "openapi/spec.py", "import orjson\nfrom .values import flag"),
        (mock_and_harness_never_import_each_other, "mockserver/core.py", "import openapi\nfrom . import errors"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/inference/a.py", "from ..traffic import x"),
        (the_domain_needs_the_standard_library_only, "mockserver/domain/__init__.py", "from . import views"),
        (flask_appears_at_the_edge_only, "mockserver/app.py", "import flask"),
        (flask_appears_at_the_edge_only, "mockserver/ui/guard.py", "from flask import g"),
        (schemathesis_appears_in_two_modules_only, "contracts/runner.py", "import schemathesis"),
    ],
)  # fmt: skip
def test_what_is_allowed_is_not_blamed(rule: Rule, file: str, source: str) -> None:
    package, _, path = file.partition("/")
    assert violations(rule, source, package, PurePosixPath(path)) == []


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    load_handlers(openapi.load())
    spec = openapi.Spec(openapi.load().document)
    del spec.operations["get_logs"]
    with pytest.raises(RuntimeError, match=r"handlers without: \['get_logs'\]"):
        load_handlers(spec)


def test_every_module_with_handlers_is_loaded() -> None:
    folder = PACKAGES["mockserver"] / "handlers"
    having = {path.stem for path in folder.glob("*.py") if "\n@handler\n" in path.read_text()}
    assert having == {*CONTROL_PLANE, *QUERIES}


def test_a_handler_is_found_once_its_module_is_all_there() -> None:
    def unheard_of(call: object) -> None: ...

    handler(unheard_of)
    assert "unheard_of" not in HANDLERS
    assert HANDLERS["create_serving_endpoint"].__module__ == "mockserver.handlers.creations"
