"""The kinds of records that make up the state, by the names under which they are written down."""

from __future__ import annotations

from .auth import RegisteredToken
from .domain.endpoint import Endpoint
from .domain.permissions import AccessList
from .domain.traffic import Pace
from .handlers.access import FoundationSettings
from .handlers.endpoints import Created

KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Endpoint, AccessList, FoundationSettings, Created, Pace, RegisteredToken)
}
"""A record of any other kind could be put into a store in memory only: a test compares this with what handlers put."""
