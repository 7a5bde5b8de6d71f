"""What an inference table would hold: one row per answered query, newest last, bounded per workspace.

Rows are kept for endpoints with an inference table (``ai_gateway.inference_table_config`` or ``auto_capture_config``);
with usage tracking alone, a row has the counts but neither request nor response.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from sys import getsizeof
from typing import Any

import orjson

from .memory_store import MemoryStore
from .store import Store

Json = Any

CAPACITY = 10_000
"""Rows kept per workspace; older ones are dropped and counted."""

BUDGET = 64 * 2**20
"""Bytes of the rows kept per workspace; older ones are dropped and counted."""

MAX_BODY = 2**20
"""Bytes of a request or response that a row takes; of a larger one it only says so, as the service's tables do."""

ROW = 500
"""Bytes of a row without its texts."""

CONTEXT = 4
"""Bytes that a usage context takes for each of its bytes as JSON."""

TOO_LARGE = {"request": "MAX_REQUEST_SIZE_EXCEEDED", "response": "MAX_RESPONSE_SIZE_EXCEEDED"}


@dataclass(frozen=True, slots=True)
class Payload:
    """One query. ``moment`` is on the mock's clock, ``milliseconds`` is how long the answer took; tokens are counts.

    ``request`` and ``response`` are JSON texts, ``None`` when they are not logged; the response of a stream is the list
    of the data of its events.
    """

    number: int
    endpoint: str
    served_entity: str
    moment: int
    status: int
    milliseconds: float
    databricks_request_id: str
    client_request_id: str | None
    requester: str
    streamed: bool
    input_tokens: int
    output_tokens: int
    usage_context: Json = None
    request: str | None = None
    response: str | None = None
    logging_error_codes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that the row takes, more or less."""
        context = 0 if self.usage_context is None else CONTEXT * len(orjson.dumps(self.usage_context))
        return ROW + context + sum(map(getsizeof, (self.request, self.response, self.client_request_id)))


class Payloads:
    """The rows of every workspace."""

    def __init__(self, store: Store | None = None, capacity: int = CAPACITY, budget: int = BUDGET) -> None:
        self._rows = (store or MemoryStore()).log(Payload, capacity=capacity, budget=budget)

    def record(self, workspace: str, *, logged: bool, request: bytes, response: Json, **columns: Any) -> None:
        """Add one row, whose ``columns`` are members of Payload. The bodies are left out unless they are ``logged``."""
        bodies = {"request": request, "response": orjson.dumps(response)} if logged else {}
        texts: dict[str, Any] = {
            name: body.decode("utf-8", "replace") for name, body in bodies.items() if len(body) <= MAX_BODY
        }
        codes = tuple(TOO_LARGE[name] for name, body in bodies.items() if len(body) > MAX_BODY)
        self._rows.append(workspace, Payload(number=0, logging_error_codes=codes, **texts, **columns))

    def entries(self, workspace: str, endpoint: str | None = None) -> list[Payload]:
        """The rows kept, oldest first: all, or those of the endpoint of this name."""
        lines = self._rows.lines(workspace)
        return [replace(line.item, number=line.number) for line in lines if endpoint in (None, line.item.endpoint)]

    def count(self, workspace: str) -> int:
        """How many rows there have been, dropped ones included."""
        return self._rows.count(workspace)

    def dropped(self, workspace: str) -> int:
        """How many rows are no longer kept."""
        return self._rows.dropped(workspace)

    def clear(self, workspace: str) -> None:
        """Forget the rows of one workspace."""
        self._rows.clear(workspace)
