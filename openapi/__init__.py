"""The contract: one OpenAPI 3.1 description of Databricks Model Serving, and what can be asked of it."""

from __future__ import annotations

from .spec import Operation, Schema, Spec, load
from .validation import Violation

__all__ = ["Operation", "Schema", "Spec", "Violation", "load"]
