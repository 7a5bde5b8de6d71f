"""Which of the alternatives of an anyOf or oneOf a value comes nearest to, by what each of them has against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .phrases import Path

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError


def details(error: ValidationError) -> Any:
    """The error's kind, whose attributes depend on its keyword."""
    return error.kind


def is_own_type(error: ValidationError, path: Path) -> bool:
    return error.kind.name == "type" and len(error.instance_path) == len(path)


def is_mismatch(error: ValidationError, depth: int) -> bool:
    return error.kind.name in ("const", "enum") and len(error.instance_path) <= depth + 1


def rank(errors: list[ValidationError], depth: int) -> tuple[int, int, int, int]:
    """Smaller fits better: no contradicted constant, no unknown field, little missing, few errors."""
    mismatches = sum(is_mismatch(error, depth) and len(error.instance_path) > depth for error in errors)
    unknown = sum(
        error.kind.name in ("additionalProperties", "unevaluatedProperties", "falseSchema") for error in errors
    )
    missing = sum(error.kind.name == "required" and len(error.instance_path) == depth for error in errors)
    return mismatches, unknown, missing, len(errors)


def is_missing(error: ValidationError, path: Path) -> bool:
    return error.kind.name == "required" and len(error.instance_path) == len(path)


def property_of(branch: Any, name: str | int) -> dict[str, Any]:
    schema = branch.get("properties", {}).get(name) if isinstance(branch, dict) else None
    return schema if isinstance(schema, dict) else {}


def takes(branch: Any, name: str | int, value: Any = None) -> bool:
    """Whether the branch, as far as it says so itself, has room for the member (with that value)."""
    if not isinstance(branch, dict) or branch.get("properties", {}).get(name) is False:
        return False
    return value is None or property_of(branch, name).get("const", value) == value


def is_about_members(schema: dict[str, Any]) -> bool:
    branches = schema.get("oneOf", ())
    return all(isinstance(branch, dict) and "required" in branch and "type" not in branch for branch in branches)


def shared_options(branches: list[list[ValidationError]], depth: int) -> tuple[Path, list[Any]] | None:
    """The place whose constant contradicts every branch, with what the branches would have taken there."""
    found: dict[tuple[str | int, ...], list[Any]] = {}
    for errors in branches:
        contradicted = next((error for error in errors if is_mismatch(error, depth)), None)
        if contradicted is None:
            return None
        kind = details(contradicted)
        options = kind.options if contradicted.kind.name == "enum" else [kind.expected_value]
        found.setdefault(tuple(contradicted.instance_path), []).extend(options)
    return next(iter(found.items())) if len(found) == 1 else None
