"""The faults of one test's workspace, as the test adds them."""

from __future__ import annotations

from typing import Any

from .core import Mock
from .fault_rules import DeploymentFault, Fault, from_fields
from .staleness import StaleReads


class FaultsOfTest:
    """The faults of one workspace. ``add`` takes the members of ``mockserver.fault_rules.Fault``."""

    def __init__(self, mock: Mock, workspace: str) -> None:
        self._mock, self._workspace = mock, workspace

    def add(self, fault: Fault | DeploymentFault | None = None, **members: Any) -> Fault | DeploymentFault:
        """Let requests, or deployments, go wrong; the rule with its id. Raises ValueError when it cannot work."""
        fault = from_fields(members) if fault is None else fault
        if isinstance(fault, DeploymentFault):
            return self._mock.faults.add_deployment(self._workspace, fault)
        return self._mock.faults.add(self._workspace, fault, self._mock.of(self._workspace).settings.seed)

    def fail_deployment(self, endpoint: str = "*", message: str = "", **members: Any) -> None:
        """Let the endpoint's next deployment fail."""
        self.add(DeploymentFault(endpoint, "FAILED", message=message, **members))

    def abort_deployment(self, endpoint: str = "*", message: str = "", **members: Any) -> None:
        """Let the endpoint's next deployment be aborted."""
        self.add(DeploymentFault(endpoint, "ABORTED", message=message, **members))

    def slow_deployment(self, endpoint: str = "*", *, seconds: float) -> None:
        """Let the endpoint's next deployment take so long."""
        self.add(DeploymentFault(endpoint, seconds=seconds))

    def lose_gpu(self, endpoint: str = "*", *, after: float, recovers_after: float = 300.0) -> None:
        """Let the next deployed endpoint lose its machine some seconds after it became ready."""
        self.add(DeploymentFault(endpoint, loses_gpu_after=after, recovers_after=recovers_after))

    def stale_reads(self, reads: int | None = None, seconds: float | None = None, endpoint: str = "*") -> None:
        """Let reads lag behind changes, for a number of reads or of seconds."""
        self._mock.staleness.add(self._workspace, StaleReads(reads, seconds, endpoint))

    def struck(self, fault: Fault | DeploymentFault) -> int:
        """How often a fault of requests has struck."""
        return next((count for rule, count in self._mock.faults.rules(self._workspace) if rule.id == fault.id), 0)

    def remove(self, fault: Fault | DeploymentFault) -> None:
        """Take one fault away."""
        self._mock.faults.remove(self._workspace, fault.id)

    def clear(self) -> None:
        """Let everything go well again; ends delays and stalls under way."""
        self._mock.faults.clear(self._workspace)
        self._mock.staleness.clear(self._workspace)
