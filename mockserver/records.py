"""The kinds of records that make up the state, by the names under which they are written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .auth import RegisteredToken
from .domain.endpoint import Endpoint
from .domain.permissions import AccessList
from .domain.traffic import Pace
from .handlers.access import FoundationSettings
from .handlers.endpoints import Created
from .handlers.external_function import Stub


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The clock and the settings of a workspace's own, as somebody changed them over HTTP."""

    clock: tuple[float | None, ...] | None = None
    settings: dict[str, Any] | None = None


KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Endpoint, AccessList, FoundationSettings, Created, Pace, Stub, RegisteredToken)
}
"""The state that is exported. A test compares this with what handlers put."""

KEPT = {**KINDS, Circumstances.__name__: Circumstances}
"""Everything that a store on disk holds."""
