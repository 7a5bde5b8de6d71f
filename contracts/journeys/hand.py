"""What a journey works with: a hand that calls operations and says which law a reply must keep."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..canaries import Canaries
from ..exchange import Asked, Exchange
from ..findings import Judge
from ..oracle import Oracle
from ..routes import fill, operation
from ..safety import Guard, Profile

Json = Any
Step = Callable[["Hand"], None]
POLL_SECONDS = 0.1
SETTLED_FOR_SURE = 0.05


class Abandoned(Exception):
    """A journey cannot go on; the finding that says why is made already."""


@dataclass(frozen=True, slots=True)
class Journey:
    """A scripted way through the API. ``needs`` is the least profile that lets it run."""

    name: str
    needs: Profile
    walk: Step


JOURNEYS: dict[str, Journey] = {}


def journey(needs: Profile = Profile.WRITE) -> Callable[[Step], Step]:
    """Register a function as a journey under its own name."""

    def register(walk: Step) -> Step:
        name = walk.__name__.replace("_", "-")
        JOURNEYS[name] = Journey(name, needs, walk)
        return walk

    return register


@dataclass
class Surroundings:
    """What all journeys of a run share."""

    guard: Guard
    oracle: Oracle
    judge: Judge
    canaries: Canaries
    prefix: str
    seed: int
    deadline: float
    assertions: frozenset[str] = frozenset()
    query_endpoints: tuple[str, ...] = ()
    pause: float = 1.0


@dataclass
class Hand:
    """One journey's hand on the target."""

    around: Surroundings
    origin: str
    round: int = 0
    random: random.Random = field(init=False)
    made: int = 0
    last: Exchange | None = None
    written: float = 0.0
    """When this hand last wrote something that reads may still lag behind, where ``--settle`` says that they may."""

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.around.seed}/{self.origin}/{self.round}")

    @property
    def judge(self) -> Judge:
        return self.around.judge

    def name(self, stem: str) -> str:
        """A name of this run's, not used before."""
        self.made += 1
        return f"{self.around.prefix}{stem}-{self.round}{self.made:02d}"

    def secret(self) -> str:
        """A planted secret, to be looked for in every reply."""
        return self.around.canaries.plant()

    def call(
        self,
        identifier: str,
        body: Json = None,
        *,
        identity: str = "caller",
        raw: bytes | None = None,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Exchange:
        """Call an operation. ``raw`` is sent as it is; ``body`` as JSON."""
        found = operation(identifier)
        return self.send(
            found.method,
            fill(identifier, parameters),
            body,
            identity=identity,
            raw=raw,
            media_type=media_type,
            headers=headers,
        )

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        identity: str = "caller",
        raw: bytes | None = None,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Send any request."""
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = dict(self.around.guard.target.headers_for(identity))
        if content is not None and media_type:
            sent["Content-Type"] = media_type
        sent |= dict(headers or {})
        if method == "GET":
            self.rest(self.written + self.around.oracle.settle - time.monotonic())
        exchange = self.around.guard.exchange(Asked(method, path, sent, content, identity, self.origin))
        self.last = exchange
        if self.around.oracle.settle and exchange.ok and method != "GET" and not path.endswith("/invocations"):
            self.written = time.monotonic() + SETTLED_FOR_SURE
        return exchange

    def hold(
        self, law: str, exchange: Exchange, kept: bool, expected: Any = "", got: Any = "", where: str = ""
    ) -> bool:
        return self.judge.hold(law, exchange, bool(kept), expected, got, where)

    def accepted(self, exchange: Exchange, law: str = "rules.accepts", where: str = "") -> Exchange:
        """The request was valid: it must be accepted. Raises ``Abandoned`` otherwise."""
        if not self.hold(law, exchange, exchange.ok, "the request is accepted", words(exchange), where):
            raise Abandoned(f"{exchange.asked.method} {exchange.asked.route}: {words(exchange)}")
        return exchange

    def refused(
        self,
        law: str,
        exchange: Exchange,
        status: int | Collection[int] = 400,
        codes: Collection[Any] = (),
        where: str = "",
    ) -> bool:
        """The request breaks a rule: it must be refused, with this status and one of these codes."""
        statuses = (status,) if isinstance(status, int) else tuple(status)
        expected = f"refused with {' or '.join(map(str, statuses))}"
        if not self.hold(law, exchange, exchange.status in statuses, expected, words(exchange), where):
            return False
        if codes:
            self.hold(
                "shape.error-code", exchange, exchange.code in codes, f"one of {list(codes)}", exchange.code, where
            )
        return True

    def get(self, name: str) -> Exchange:
        return self.call("get_serving_endpoint", name=name)

    def listed(self, name: str) -> Json:
        """The item of the list for an endpoint, or ``None``."""
        reply = self.call("list_serving_endpoints").reply
        items = reply.get("endpoints") if isinstance(reply, dict) else None
        return next((item for item in items or [] if isinstance(item, dict) and item.get("name") == name), None)

    def create(self, name: str, served: Json = None, **more: Json) -> Exchange:
        """Create an endpoint, which must succeed."""
        body: dict[str, Json] = {"name": name, **more}
        if served is not None:
            body["config"] = {"served_entities": served if isinstance(served, list) else [served]}
        return self.accepted(self.call("create_serving_endpoint", body))

    def delete(self, name: str) -> Exchange:
        """Delete an endpoint, which must succeed."""
        exchange = self.accepted(self.call("delete_serving_endpoint", name=name))
        self.hold("shape.body", exchange, exchange.reply == {}, "{}", words(exchange), "of a deletion")
        return exchange

    def settled(self, name: str, poll: float = POLL_SECONDS) -> Exchange:
        """Wait until no deployment runs. Raises ``Abandoned`` when the deadline passes."""
        until = time.monotonic() + self.around.deadline
        while True:
            exchange = self.get(name)
            state = exchange.document.get("state") if isinstance(exchange.reply, dict) else None
            update = state.get("config_update") if isinstance(state, dict) else None
            if exchange.ok and update == "NOT_UPDATING":
                self.hold("lifecycle.settles", exchange, True)
                return exchange
            lost = exchange.status in (401, 403, 404) or update in ("UPDATE_FAILED", "UPDATE_CANCELED")
            if lost or time.monotonic() > until:
                expected = f"deployed within {self.around.deadline:g} s"
                self.hold("lifecycle.settles", exchange, False, expected, words(exchange))
                raise Abandoned(f"{name} is not deployed")
            self.rest(poll)

    def ready(self, name: str, served: Json, **more: Json) -> str:
        """A new endpoint that is deployed and ready; answers its name."""
        self.create(name, served, **more)
        self.settled(name)
        return name

    def sandwich(self, name: str) -> None:
        """List and get must agree: get, list, get, and when both gets say the same the list must, too."""
        first, item, last = self.get(name), self.listed(name), self.get(name)
        if not (first.ok and last.ok and first.reply == last.reply and isinstance(item, dict)):
            return
        document = first.reply
        for key in sorted((document.keys() & item.keys()) - {"config", "pending_config"}):
            kept = item[key] == document[key] or (key == "tags" and _same_tags(item, document))
            self.hold("memory.list-agrees", last, kept, document[key], item[key], f"list.{key}")
        for key in ("config", "pending_config"):
            kept = (key in item) == (key in document)
            self.hold("memory.list-agrees", last, kept, f"{key} as in get", sorted(item), f"list.{key}")
            if kept and key in item:
                wanted, shown = _identifying(document[key]), _identifying(item[key])
                self.hold("memory.list-agrees", last, wanted == shown, wanted, shown, f"list.{key} entities")
        for key in ("endpoint_type", "task", "ai_gateway", "permission_level", "route_optimized"):
            kept = item.get(key) == document.get(key)
            self.hold("memory.list-agrees", last, kept, document.get(key), item.get(key), f"list.{key}")

    def refused_while_updating(self, law: str, name: str, call: Callable[[], Exchange], where: str = "") -> None:
        """The call must be refused with 409 as long as a deployment runs. Raises ``Abandoned`` when it was accepted
        because the deployment had just ended, which the oracle has judged by the reply."""
        exchange = call()
        state = self.get(name).document.get("state") or {}
        if exchange.status == 409 or (not exchange.ok and state.get("config_update") == "IN_PROGRESS"):
            self.refused(law, exchange, 409, ("RESOURCE_CONFLICT",), where)
            return
        known = self.around.oracle.alive.get(name)
        ended = known is not None and not known.unsure and (exchange.ok or state.get("config_update") == "NOT_UPDATING")
        if not ended or (exchange.ok and not self._had_ended(exchange)):
            self.refused(law, exchange, 409, ("RESOURCE_CONFLICT",), where)
        raise Abandoned(f"the deployment of {name} ended too soon to see a conflict")

    def _had_ended(self, exchange: Exchange) -> bool:
        """Whether the reply shows that a deployment had ended before: what serves is not what served."""
        return isinstance(exchange.document.get("config"), dict)

    def query(self, name: str, body: Json, **more: Any) -> Exchange:
        return self.call("query_endpoint", body, name=name, **more)

    def rest(self, seconds: float) -> None:
        """Wait, unless the run is stopped meanwhile."""
        if seconds > 0:
            self.around.guard.budget.stopping.wait(seconds)


def _identifying(config: Json) -> Json:
    """What a configuration says its entities are, in both forms, whatever their order."""
    found = {}
    for form, keys in (
        ("served_entities", ("entity_name", "entity_version", "external_model")),
        ("served_models", ("model_name", "model_version")),
    ):
        entities = config.get(form) or [] if isinstance(config, dict) else []
        found[form] = {each.get("name"): {key: each.get(key) for key in keys} for each in entities}
    return found


def _same_tags(item: Json, document: Json) -> bool:
    return sorted(map(repr, item.get("tags") or [])) == sorted(map(repr, document.get("tags") or []))


def words(exchange: Exchange) -> str:
    """A reply in a few words."""
    if exchange.failure:
        return exchange.failure
    return f"{exchange.status} {exchange.body[:240].decode('utf-8', 'replace')}"
