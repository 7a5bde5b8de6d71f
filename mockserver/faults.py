"""The faults that are in force in every workspace: which request or deployment suffers which, and how often."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from .delivery import PATIENCE
from .domain.endpoint import Plan
from .errors import InjectedError
from .fault_rules import DeploymentFault, Fault, FaultRule, from_fields, from_header
from .matching import check_operation
from .memory_store import MemoryStore
from .messages import Request
from .store import Store

__all__ = ["HEADER", "DeploymentFault", "Fault", "Faults", "from_fields", "from_header"]

HEADER = "x-mock-fault"
"""The request header that asks for a fault of this very request: ``status=503; times=2; id=retry``."""
MOST_RULES = 10_000


@dataclass(slots=True)
class Strikes:
    """How many requests a fault concerned, and how many of them it struck."""

    seen: int = 0
    struck: int = 0

    def strikes(self, fault: Fault, seed: int | None = None) -> bool:
        """Count a matching request; whether it fails. The chance depends on the seed and the count alone."""
        self.seen += 1
        if self.seen <= fault.skip or (fault.times is not None and self.struck >= fault.times):
            return False
        if fault.probability < 1:
            drawn = fault.id if seed is None else f"{seed}/{fault.id}"
            if random.Random(f"{drawn}/{self.seen}").random() >= fault.probability:
                return False
        self.struck += 1
        return True


@dataclass(slots=True)
class HeaderStrikes:
    """The strikes of faults that requests asked for themselves, by the id they gave."""

    by_id: dict[str, Strikes] = field(default_factory=dict)


@dataclass(slots=True)
class Rules:
    """How many rules a workspace was given, and a mark of when they were last cleared."""

    added: int = 0
    cleared: int = 0


@dataclass(slots=True)
class Applied:
    """How many deployments went as a rule says."""

    count: int = 0


class Faults:
    """The faults of every workspace."""

    def __init__(self, store: Store | None = None, operations: Collection[str] = ()) -> None:
        self._store = store or MemoryStore()
        self._operations = operations
        self._rules = self._store.documents(Rules)
        self._strikes = self._store.documents(Strikes)
        self._header_strikes = self._store.documents(HeaderStrikes)
        self._applied = self._store.documents(Applied)
        self._waits: dict[str, threading.Event] = {}
        self.installed: set[str] = set()
        """The workspaces to which this process has given a fault that was not cleared since."""
        self._lock = threading.Lock()

    def add(self, workspace: str, fault: Fault, seed: int = 0) -> Fault:
        """Install a rule; returned with its id. Raises ValueError when it means no operation, or there are too many."""
        if self._operations:
            check_operation(fault.operation, self._operations)
        number = self._number(workspace)
        fault = replace(fault, id=fault.id or f"fault-{number}")
        with self._store.transaction(workspace) as transaction:
            if len(transaction.all(FaultRule)) >= MOST_RULES:
                raise ValueError(f"the workspace already has {MOST_RULES} faults: clear some first")
            transaction.put(str(number), FaultRule(fault, seed))
        return fault

    def add_deployment(self, workspace: str, fault: DeploymentFault) -> DeploymentFault:
        """Install a rule for deployments; returned with its id."""
        number = self._number(workspace)
        fault = replace(fault, id=fault.id or f"deployment-{number}")
        with self._store.transaction(workspace) as transaction:
            transaction.put(str(number), fault)
        return fault

    def find(
        self, workspace: str, operation: str, endpoint: str | None, request: Request, identity: str
    ) -> Fault | None:
        """The fault that this request suffers, counted as suffered; ``None`` when all goes well.

        Raises:
            InjectedError: the request's own fault header cannot be read.
        """
        asked = request.headers.get(HEADER)
        if asked is not None:
            return self._asked(workspace, asked)
        for key, rule in self._store.items(FaultRule, workspace):
            if rule.fault.concerns(operation, endpoint, request, identity):
                with self._strikes.changing(workspace, key) as strikes:
                    if strikes.strikes(rule.fault, rule.seed):
                        return rule.fault
        return None

    def plan(self, workspace: str, endpoint: str, usual: Plan) -> Plan:
        """How the next deployment of this endpoint goes; a fault that applies is used up by asking."""
        for key, fault in self._store.items(DeploymentFault, workspace):
            if fnmatchcase(endpoint, fault.endpoint):
                with self._applied.changing(workspace, key) as applied:
                    if applied.count < fault.times:
                        applied.count += 1
                        return fault.plan(usual)
        return usual

    def concern_deployments(self, workspace: str) -> bool:
        """Whether there are rules by which a deployment may go other than usual."""
        return bool(self._store.items(DeploymentFault, workspace))

    def wait(self, workspace: str, seconds: float) -> None:
        """Let real seconds pass, or fewer when the workspace's faults are cleared or a client in this thread leaves."""
        if seconds > 0:
            self.waiter(workspace)(seconds)

    def waiter(self, workspace: str) -> Callable[[float], None]:
        """A function like ``wait``, which does not wait at all once the faults of this moment have been cleared."""
        with self._lock:
            cleared = self._waits.setdefault(workspace, threading.Event())
        glance, mark = self._store.glance, self._mark(workspace)

        def wait(seconds: float) -> None:
            left = seconds if PATIENCE.seconds is None else min(seconds, PATIENCE.seconds)
            if glance is not None:  # another process may clear them
                while left > glance:
                    if cleared.wait(glance) or self._mark(workspace) != mark:
                        return
                    left -= glance
            cleared.wait(left)

        return wait

    def rules(self, workspace: str) -> list[tuple[Fault, int]]:
        """The faults in the order in which they were added, each with how often it struck."""
        found = [
            (rule.fault, self._strikes.read(workspace, key)) for key, rule in self._store.items(FaultRule, workspace)
        ]
        return [(fault, strikes.struck if strikes else 0) for fault, strikes in found]

    def deployments(self, workspace: str) -> list[tuple[DeploymentFault, int]]:
        """The rules for deployments, each with how many it still applies to."""
        found = [
            (fault, self._applied.read(workspace, key)) for key, fault in self._store.items(DeploymentFault, workspace)
        ]
        return [(fault, fault.times - (applied.count if applied else 0)) for fault, applied in found]

    def remove(self, workspace: str, fault_id: str) -> bool:
        """Take one rule away; whether it was there."""
        store = self._store
        found: list[tuple[type, str]] = [
            (FaultRule, key) for key, rule in store.items(FaultRule, workspace) if rule.fault.id == fault_id
        ]
        found += [
            (DeploymentFault, key) for key, rule in store.items(DeploymentFault, workspace) if rule.id == fault_id
        ]
        self._remove(workspace, found)
        return bool(found)

    def clear(self, workspace: str) -> None:
        """Forget the faults of one workspace and end the delays and stalls under way in it."""
        kinds = (FaultRule, DeploymentFault)
        self._remove(workspace, [(kind, key) for kind in kinds for key, _ in self._store.items(kind, workspace)])
        for documents in (self._strikes, self._header_strikes, self._applied, self._rules):
            documents.clear(workspace)
        if self._store.glance is not None:
            with self._rules.changing(workspace, "") as rules:
                rules.cleared = time.time_ns()
        with self._lock:
            cleared = self._waits.pop(workspace, None)
            self.installed.discard(workspace)
        if cleared is not None:
            cleared.set()

    def release(self) -> None:
        """End every delay and stall under way in this process, and keep the rules: the server stops."""
        with self._lock:
            waits, self._waits = self._waits, {}
        for cleared in waits.values():
            cleared.set()

    def _asked(self, workspace: str, text: str) -> Fault | None:
        try:
            fault = from_header(text)
        except ValueError as problem:
            raise InjectedError(400, "BAD_REQUEST", f"The header X-Mock-Fault cannot be used: {problem}.") from None
        if not fault.id:
            return fault
        with self._header_strikes.changing(workspace, "") as counted:
            if fault.id not in counted.by_id and len(counted.by_id) >= MOST_RULES:
                counted.by_id.clear()
            return fault if counted.by_id.setdefault(fault.id, Strikes()).strikes(fault) else None

    def _number(self, workspace: str) -> int:
        """The number of a new rule."""
        with self._lock:
            self.installed.add(workspace)
        with self._rules.changing(workspace, "") as rules:
            rules.added += 1
            return rules.added

    def _remove(self, workspace: str, found: list[tuple[type, str]]) -> None:
        if found:
            with self._store.transaction(workspace) as transaction:
                for kind, key in found:
                    transaction.delete(kind, key)

    def _mark(self, workspace: str) -> int:
        """What changes when the faults are cleared, in whichever process."""
        if self._store.glance is None:
            return 0
        rules = self._rules.read(workspace, "")
        return rules.cleared if rules else 0
