"""What a test's workspace was asked: the journal with assertions that say what came instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .journal import EVERYTHING, Entry, Filter, Journal
from .matching import missing, shortened
from .messages import Json

SHOWN = 20
"""Requests that a failed assertion lists."""


class Requests:
    """The requests of one workspace, oldest first. The conditions are those of ``mockserver.journal.Filter``.

    Requests that fixtures make on their own (``create``, control) are not among them. A condition for an operation that
    there is not raises ValueError.
    """

    def __init__(self, journal: Journal, workspace: str) -> None:
        self._journal, self._workspace = journal, workspace

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.filter())

    def __len__(self) -> int:
        return len(self.filter())

    def __getitem__(self, index: int) -> Entry:
        return self.filter()[index]

    def filter(self, operation: str | None = None, **conditions: Any) -> list[Entry]:
        """The requests that fit."""
        return self._journal.entries(self._workspace, self._filter(operation, conditions))

    def count(self, operation: str | None = None, **conditions: Any) -> int:
        """How many requests fit."""
        return len(self.filter(operation, **conditions))

    def wait(
        self, count: int = 1, timeout: float = 10.0, operation: str | None = None, **conditions: Any
    ) -> list[Entry]:
        """The requests that fit, once there are ``count`` of them.

        Raises:
            AssertionError: there were fewer after ``timeout`` real seconds.
        """
        only = self._filter(operation, conditions)
        found = self._journal.wait(self._workspace, count, timeout, only)
        if len(found) < count:
            raise AssertionError(f"{self._told(only, count, len(found))} within {timeout:g} s.\n{self._instead(only)}")
        return found

    def assert_called(
        self, operation: str | None = None, *, times: int | None = None, body: Json = None, **conditions: Any
    ) -> None:
        """Assert that a request that fits was made, or that exactly ``times`` were.

        Args:
            body: what the request's body must at least contain.

        Raises:
            AssertionError: with the requests that came instead.
        """
        only = self._filter(operation, {**conditions, "body": body})
        count = self._count(only)
        if count == 0 if times is None else count != times:
            raise AssertionError(f"{self._told(only, times, count)}.\n{self._instead(only)}")

    def assert_not_called(self, operation: str | None = None, **conditions: Any) -> None:
        """Assert that no request fits. Raises AssertionError with those that do."""
        only = self._filter(operation, conditions)
        found = self._journal.entries(self._workspace, only)
        if found:
            raise AssertionError(f"{self._told(only, 0, len(found))}.\n{_listed(found)}")

    def clear(self) -> None:
        """Forget the requests so far."""
        self._journal.clear(self._workspace)

    def _filter(self, operation: str | None, conditions: dict[str, Any]) -> Filter:
        return self._journal.checked(Filter(operation=operation, **conditions))

    def _count(self, only: Filter) -> int:
        return len(self._journal.entries(self._workspace, only))

    def _told(self, only: Filter, expected: int | None, count: int) -> str:
        wanted = "at least one request" if expected is None else _times(expected)
        return f"Expected {wanted} for {_described(only)}, got {count or 'none'}"

    def _instead(self, only: Filter) -> str:
        """What came, and how the nearest request differs in its body."""
        entries = self._journal.entries(self._workspace, EVERYTHING)
        if not entries:
            return "Nothing was asked at all."
        lines = ["What came:", _listed(entries)]
        if only.body is not None:
            without_body = Filter(only.operation, only.endpoint, only.method, only.path, only.identity, only.status)
            for entry in self._journal.entries(self._workspace, without_body)[-1:]:
                problem = missing(only.body, entry.body)
                lines += [f"The body of #{entry.number} differs: {problem}."] if problem else []
        return "\n".join(lines)


def _described(only: Filter) -> str:
    parts = [
        f"{name} {shortened(value) if name == 'body' else value}"
        for name in ("operation", "endpoint", "method", "path", "identity", "status", "body")
        if (value := getattr(only, name)) is not None
    ]
    return ", ".join(parts) or "anything"


def _times(count: int) -> str:
    return "no request" if count == 0 else "1 request" if count == 1 else f"{count} requests"


def _listed(entries: list[Entry]) -> str:
    lines = [f"  ... {len(entries) - SHOWN} earlier"] if len(entries) > SHOWN else []
    for entry in entries[-SHOWN:]:
        fault = f" [{entry.fault or 'fault of its header'}]" if entry.fault is not None else ""
        status = entry.status or "dropped"
        body = f" {shortened(entry.body, 120)}" if entry.body is not None else ""
        lines.append(f"  #{entry.number} {entry.method} {entry.path} -> {status}{fault} ({entry.operation}){body}")
    return "\n".join(lines)
