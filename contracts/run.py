"""One run of ``check``: journeys in threads, fuzzing, clean-up whatever happens, and the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .budget import Allowance, Budget, Spent, Stopped
from .canaries import Canaries
from .cleanup import Survivors, clean_up
from .findings import Finding, Judge
from .journeys import JOURNEYS, Abandoned, Hand, Journey, Surroundings
from .lag import measure_lag
from .ledger import Ledger, new_prefix
from .oracle import Oracle
from .pace import Pace
from .safety import Guard, HeldBack, Profile, Rights
from .shape import Shape
from .target import Target, TargetError
from .wire import Wire

LEFT_FOR_THE_REST = 10.0
"""Seconds of the budget that fuzzing leaves for the journeys that are walked again."""

WHEN_BROKEN = 8.0
"""Seconds of fuzzing when the journeys have already found something."""

AT_ONCE = 24
"""Journeys that one worker walks at the same time: most of them wait for a deployment."""

PATIENCE = 6.0
"""Seconds after the longest time that a reply may take, until it is no longer awaited."""

CONNECTIONS = 64
"""Connections that are kept for one worker: a journey may make several calls at the same moment."""

ORDER = (Profile.READ, Profile.QUERY, Profile.WRITE)


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked to do. Times are in seconds; 0 means no limit."""

    profile: Profile = Profile.WRITE
    query_endpoints: tuple[str, ...] = ()
    allowance: Allowance = field(default_factory=Allowance)
    seed: int = 0
    fuzz: bool = True
    journeys: tuple[str, ...] = ()
    asserted: frozenset[str] = frozenset()
    deadline: float = 15.0
    settle: float = 0.0
    slowest: float = 3.0
    workers: int = 1
    stop_at: str = ""


@dataclass
class Result:
    """How a run went."""

    findings: list[Finding]
    survivors: Survivors
    held_back: dict[str, int]
    budget: dict[str, dict[str, float]]
    checked: dict[tuple[str, str], int]
    requests: dict[str, int]
    abandoned: dict[str, str]
    walked: list[str]
    prefix: str
    seed: int
    seconds: float
    exhausted: str = ""
    interrupted: bool = False
    fuzzed: dict[str, Any] = field(default_factory=dict)
    walked_all: bool = True
    has_fuzzed: bool = True
    first_at: int = 0
    url: str = ""
    lag: float = 0.0
    """Seconds by which reads were seen to lag behind writes."""

    @property
    def new_findings(self) -> list[Finding]:
        """Findings that are not known deviations."""
        return [finding for finding in self.findings if not finding.known]

    @property
    def exit_code(self) -> int:
        """0 keeps the contract, 1 breaks it, 3 budget spent before the minimum was covered, 4 left something behind."""
        if self.survivors.names:
            return 4
        if self.new_findings:
            return 1
        if self.interrupted:
            return 130
        if not (self.walked_all and self.has_fuzzed) or not sum(self.requests.values()):
            return 3
        return 0


@dataclass
class Run:
    """A run against one target. ``progress`` is told what goes on."""

    target: Target
    options: Options
    progress: Callable[[str], None] = lambda _: None
    abandoned: dict[str, str] = field(default_factory=dict)
    walked: list[str] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)
    interrupted: bool = False
    lag: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        options = self.options
        prefix = new_prefix()
        self.budget = Budget(options.allowance)
        self.canaries = Canaries(credentials=self.target.secrets)
        self.judge = Judge(options.asserted, options.stop_at, self.budget.stopping.set)
        rights = Rights(options.profile, prefix, frozenset(options.query_endpoints), self.target.is_loopback)
        wire = Wire(self.target, options.slowest + PATIENCE, CONNECTIONS * options.workers)
        self.guard = Guard(self.target, rights, self.budget, Ledger(prefix, self.target.url), wire)
        shape = Shape(self.judge, self.canaries, options.slowest)
        self.oracle = Oracle(self.judge, shape, prefix, self.target.is_loopback, options.settle)
        self.pace = Pace(self.judge)
        self.guard.watchers += [self.oracle, self.pace] if self.target.is_loopback else [self.oracle]
        self.around = Surroundings(
            self.guard,
            self.oracle,
            self.judge,
            self.canaries,
            prefix,
            options.seed,
            options.deadline,
            options.asserted,
            options.query_endpoints,
        )

    def plan(self) -> list[Journey]:
        """The journeys that this run may walk."""
        may = ORDER[: ORDER.index(self.options.profile) + 1]
        chosen = [each for each in JOURNEYS.values() if each.needs in may]
        if not self.options.query_endpoints:
            chosen = [each for each in chosen if each.needs is not Profile.QUERY]
        return [each for each in chosen if not self.options.journeys or each.name in self.options.journeys]

    def reach(self) -> None:
        """See whether the target answers. Raises ``TargetError`` when it does not, or refuses the caller."""
        from .exchange import Asked

        path = "/api/2.0/preview/scim/v2/Me"
        exchange = self.guard.exchange(Asked("GET", path, self.target.headers_for("caller"), None, "caller", "reach"))
        if exchange.failure:
            raise TargetError(f"{self.target.url} does not answer: {exchange.failure}")
        if exchange.status in (401, 403):
            raise TargetError(f"{self.target.url} does not accept the credential ({exchange.status})")

    def go(self) -> Result:
        """Walk, fuzz, clean up, and answer the result. Raises ``TargetError`` when the target cannot be reached."""
        self.reach()
        if self.options.profile is Profile.WRITE:
            self.guard.ledger.open()
        fuzzed: dict[str, Any] = {}
        journeys = self.plan()
        try:
            self.walk(journeys, 0)
            self.pace.judge_all()
            if self.options.fuzz and not self.budget.stopping.is_set():
                fuzzed = self.fuzz()
                if self.target.is_loopback and not self.judge.findings and not self.budget.stopping.is_set():
                    self.walk([each for each in journeys if each.name in REPEATED], 1)
            if self._may_lag():
                self.lag = measure_lag(self.around)
        except (Spent, Stopped):
            pass
        except KeyboardInterrupt:
            self.interrupted = True
            self.budget.stopping.set()
        finally:
            survivors = clean_up(self.guard, self.progress)
        if survivors.unfaithful and survivors.proof:
            got = f"still listed: {survivors.unfaithful}"
            self.judge.hold("memory.delete", survivors.proof, False, "deleted endpoints are gone", got, "clean-up")
        if self.raised:
            raise self.raised[0]
        return self._result(journeys, survivors, fuzzed)

    def _may_lag(self) -> bool:
        """Whether what was found may come of reads that lag behind writes."""
        writes = self.options.profile is Profile.WRITE and not self.options.settle
        return writes and any(law.startswith(("memory.", "lifecycle.")) for law in self.judge.broken())

    def walk(self, journeys: Iterable[Journey], turn: int) -> None:
        """Walk journeys at the same time."""
        chosen = list(journeys)
        first = [each for each in chosen if each.name == "discovery"]
        rest = [each for each in chosen if each.name != "discovery"]
        rest.sort(key=lambda each: LONGEST.index(each.name) if each.name in LONGEST else len(LONGEST))
        for each in first:
            self._one(each, turn)
        pool = ThreadPoolExecutor(AT_ONCE * self.options.workers, thread_name_prefix="journey")
        try:
            futures = [pool.submit(self._one, each, turn) for each in rest]
            for future in futures:
                future.result()
        except BaseException:
            self.budget.stopping.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def fuzz(self) -> dict[str, Any]:
        """Let schemathesis look where nobody thought."""
        from .runner import fuzz

        self.progress("fuzzing")
        left = self.budget.left()
        seconds = left - LEFT_FOR_THE_REST if left > 2 * LEFT_FOR_THE_REST else left
        if self.judge.findings:
            seconds = min(seconds, WHEN_BROKEN)
        return fuzz(self.guard, self.judge, self.options.seed, seconds, self.options.workers)

    def _one(self, journey: Journey, turn: int) -> None:
        self.progress(journey.name)
        hand = Hand(self.around, journey.name, turn)
        try:
            journey.walk(hand)
            with self._lock:
                self.walked.append(journey.name)
        except (Abandoned, HeldBack) as reason:
            self._give_up(journey, str(reason))
        except (Spent, Stopped):
            pass
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            if hand.last is None:
                self._fail(problem)
                return
            got = f"{type(problem).__name__}: {problem}"
            self.judge.hold("shape.body", hand.last, False, "a reply that a client can go on with", got, journey.name)
            self._give_up(journey, got)
        except Exception as problem:
            self._fail(problem)

    def _give_up(self, journey: Journey, reason: str) -> None:
        with self._lock:
            self.abandoned[journey.name] = reason

    def _fail(self, problem: Exception) -> None:
        """A fault of ours: the run ends, cleans up and raises it."""
        with self._lock:
            self.raised.append(problem)
        self.budget.stopping.set()

    def _result(self, journeys: list[Journey], survivors: Survivors, fuzzed: dict[str, Any]) -> Result:
        reached = {*self.walked, *self.abandoned}
        return Result(
            findings=sorted(self.judge.findings.values(), key=lambda each: (each.law.id, each.operation)),
            survivors=survivors,
            held_back=dict(self.guard.held_back),
            budget=self.budget.report(),
            checked=dict(self.judge.checked),
            requests=dict(self.judge.requests),
            abandoned=dict(self.abandoned),
            walked=sorted(self.walked),
            prefix=self.guard.rights.prefix,
            seed=self.options.seed,
            seconds=time.monotonic() - self.budget.started,
            exhausted=self.budget.exhausted,
            interrupted=self.interrupted,
            fuzzed=fuzzed,
            walked_all=bool(journeys) and all(each.name in reached for each in journeys),
            has_fuzzed=not self.options.fuzz or fuzzed.get("cases", 0) > 0,
            first_at=self.judge.first_at,
            url=self.target.url,
            lag=self.lag,
        )


LONGEST = (
    "served-until-replaced", "kept-through-updates", "refused-capture", "custom-lifecycle", "older-form",
    "external-lifecycle", "witness", "refused-rows", "stop-and-start", "provisioned-throughput",
    "custom-queries", "refused-updates", "racing-updates", "gateway-limits", "throughput-by-tokens", "agent-queries",
    "route-optimised", "chat-streams", "crowded-list",
)  # fmt: skip
"""Journeys that wait longest for deployments begin first."""

REPEATED = frozenset({"steady-replies", "external-lifecycle", "tags", "foundation-models", "strangers-read"})
"""Journeys that are walked again after fuzzing: what breaks only after many requests shows here."""
