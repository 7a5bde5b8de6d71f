"""The kinds of records that make up the state, by the names under which they are written down."""

from __future__ import annotations

from .auth import RegisteredToken
from .circumstances import Circumstances
from .domain.endpoint import Endpoint
from .domain.permissions import AccessList
from .domain.traffic import Pace
from .fault_rules import DeploymentFault, FaultRule
from .handlers.access import FoundationSettings
from .handlers.creations import Created
from .handlers.external_function import Stub
from .replies import Strict
from .reply_rules import ReplyRule
from .staleness import StaleReads

KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Endpoint, AccessList, FoundationSettings, Created, Pace, Stub, RegisteredToken)
}
"""The state that is exported. A test compares this with what handlers put."""

KEPT = KINDS | {
    kind.__name__: kind for kind in (Circumstances, FaultRule, DeploymentFault, ReplyRule, Strict, StaleReads)
}
"""Every kind of record that a database holds: the state, and how the simulation was set."""
