"""What a fault is: which requests go wrong and how, how deployments go wrong, and how either is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Literal

from .domain.endpoint import Outcome, Plan
from .errors import InjectedError
from .messages import Json, Request

LONGEST = 86_400
DELIVERY = ("drop", "truncate", "malformed", "cut_after", "stall_after", "bytes_per_second")


@dataclass(frozen=True, slots=True)
class Fault:
    """Which requests fail, when, and what happens to them. Every condition that is given must hold.

    Args:
        operation: the operation's id, such as ``create_serving_endpoint``; ``*`` and ``?`` allowed, as in all patterns.
        endpoint: the endpoint's name, in the path or (create, OpenAI routes) in the body.
        method: the HTTP method.
        path: the request's path.
        identity: the caller's user name or application id.
        skip: how many matching requests go well first.
        times: how many fail then; ``None`` for all.
        probability: the chance that a request that could fail does, drawn from the workspace's seed.
        when: ``before`` the handler ran, or ``after`` it: the change is made and the answer is lost.
        status, error_code, message, retry_after, body: the error that is answered instead.
        delay: real seconds that the answer is late, before or after the handler.
        drop: close the connection without an answer.
        truncate: send this many bytes of the body, then close the connection.
        malformed: send JSON that cannot be parsed.
        cut_after: close the connection after this many events of a stream.
        stall_after, stall: after this many events, send nothing for ``stall`` real seconds.
        bytes_per_second: send the body this slowly.

    What concerns the delivery (from ``truncate`` on) needs an answer, so the handler runs.

    Raises:
        ValueError: a value is out of its range, or the fault would do nothing.
    """

    operation: str | None = None
    endpoint: str | None = None
    method: str | None = None
    path: str | None = None
    identity: str | None = None
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    when: Literal["before", "after"] = "before"
    status: int | None = None
    error_code: str | int | None = None
    message: str | None = None
    retry_after: float | None = None
    body: Json = None
    delay: float = 0.0
    drop: bool = False
    truncate: int | None = None
    malformed: bool = False
    cut_after: int | None = None
    stall_after: int | None = None
    stall: float = 3600.0
    bytes_per_second: float | None = None
    id: str = ""

    def __post_init__(self) -> None:
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} {value} is out of range: {least} to {most}")
        if self.when not in ("before", "after"):
            raise ValueError(f"when is {self.when!r}: before or after (the handler ran)")
        if self.status is None and not self.disturbs and not self.delay:
            raise ValueError(f"the fault does nothing: give status, delay or one of {', '.join(DELIVERY)}")

    @property
    def disturbs(self) -> bool:
        """Whether the answer's delivery suffers."""
        return any(getattr(self, name) not in (None, False) for name in DELIVERY)

    def strikes(self, moment: Literal["before", "after"]) -> bool:
        """Whether an error takes the place of the answer at this moment."""
        return self.when == moment and (self.status is not None or self.drop)

    def error(self) -> InjectedError:
        """What is answered instead."""
        return InjectedError(
            self.status or 500, self.error_code, self.message, retry_after=self.retry_after, body=self.body
        )

    def concerns(self, operation: str, endpoint: str | None, request: Request, identity: str) -> bool:
        """Whether the request is one of those that may fail."""
        return (
            _fits(self.operation, operation)
            and (self.endpoint is None or (endpoint is not None and fnmatchcase(endpoint, self.endpoint)))
            and (self.method is None or self.method.upper() == request.method)
            and _fits(self.path, request.path)
            and _fits(self.identity, identity)
        )


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("skip", 0, 1_000_000), ("times", 1, 1_000_000), ("probability", 0, 1), ("status", 200, 599),
    ("retry_after", 0, LONGEST), ("delay", 0, LONGEST), ("truncate", 0, 2**31), ("cut_after", 0, 1_000_000),
    ("stall_after", 0, 1_000_000), ("stall", 0, LONGEST), ("bytes_per_second", 0.1, 10**9),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeploymentFault:
    """How the next deployments of an endpoint go.

    Args:
        endpoint: its name; ``*`` and ``?`` allowed.
        outcome: ``READY``, ``FAILED`` or ``ABORTED``.
        seconds: how long it takes; as long as usual when absent.
        message: the deployment state message of a failure.
        loses_gpu_after: seconds after it became ready at which the first entity loses its machine.
        recovers_after: seconds that it then is ``DEPLOYMENT_RECOVERING``.
        times: how many deployments go like that.
    """

    endpoint: str = "*"
    outcome: Outcome = "READY"
    seconds: float | None = None
    message: str = ""
    loses_gpu_after: float | None = None
    recovers_after: float = 300.0
    times: int = 1
    id: str = ""

    def __post_init__(self) -> None:
        if self.outcome not in ("READY", "FAILED", "ABORTED"):
            raise ValueError(f"outcome is {self.outcome!r}: READY, FAILED or ABORTED")
        for name in ("seconds", "loses_gpu_after", "recovers_after"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 30 * LONGEST:
                raise ValueError(f"{name} {value} is out of range: 0 to {30 * LONGEST}")
        if self.times < 1:
            raise ValueError(f"times is {self.times}: at least 1")
        if self.outcome == "READY" and self.seconds is None and self.loses_gpu_after is None:
            raise ValueError(
                "the fault does nothing: give outcome, seconds or loses_gpu_after (or status for requests)"
            )

    def plan(self, usual: Plan) -> Plan:
        """The plan of a deployment that goes this way."""
        return usual._replace(
            duration=usual.duration if self.seconds is None else round(self.seconds * 1000),
            outcome=self.outcome,
            message=self.message,
            lost_after=None if self.loses_gpu_after is None else round(self.loses_gpu_after * 1000),
            recovery=round(self.recovers_after * 1000),
        )


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault that is in force; ``seed`` is what its chance is drawn from."""

    fault: Fault
    seed: int = 0


def from_header(text: str) -> Fault:
    """The fault a header asks for: ``name=value`` pairs of Fault, separated by semicolons.

    Raises:
        ValueError: a name is unknown or a value cannot be read.
    """
    types = {spec.name: str(spec.type) for spec in fields(Fault)}
    values: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in types or name == "body":
            raise ValueError(f"{name!r} is unknown: there are {', '.join(name for name in types if name != 'body')}")
        values[name] = _read(name, types[name], value if equals else "true")
    if "id" not in values and {"times", "skip"} & values.keys():
        raise ValueError("times and skip count the requests that carry the same id: give an id, such as id=retry")
    return Fault(**values)


def from_fields(values: Mapping[str, Json]) -> Fault | DeploymentFault:
    """The fault described by these fields, one of deployments when there is an ``outcome`` or one of its other fields.

    Raises:
        ValueError: a name is unknown, or a value is out of range.
    """
    kinds = (Fault, DeploymentFault)
    for kind in kinds:
        if values.keys() <= {spec.name for spec in fields(kind)} and not (
            kind is Fault and values.keys() <= {"endpoint", "times"}
        ):
            return kind(**values)
    known = sorted({spec.name for kind in kinds for spec in fields(kind)})
    unknown = sorted(values.keys() - set(known))
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}: there are {', '.join(known)}")
    raise ValueError("a fault of requests and one of deployments cannot be the same rule: add two")


def _read(name: str, annotation: str, text: str) -> Any:
    try:
        if annotation.startswith("bool"):
            return {"true": True, "false": False}[text.lower()]
        if annotation.startswith("int"):
            return int(text)
        if annotation.startswith("float"):
            return float(text)
    except (KeyError, ValueError):
        raise ValueError(f"{name}={text!r} is not {'true or false' if annotation == 'bool' else 'a number'}") from None
    if annotation.startswith("str | int") and text.isdecimal():
        return int(text)
    return text


def _fits(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatchcase(text, pattern)
