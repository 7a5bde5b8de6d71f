"""The one way through the mock: from a request to its answer, in straight lines."""

from __future__ import annotations

import copy
import logging
import random
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Literal, Protocol, cast

from openapi import Operation, Spec, load

from . import errors
from .auth import DEFAULT_WORKSPACE, REGISTRY, Authenticator, Identity, workspace_id
from .bodies import accepted
from .circumstances import HERE, Circumstances, StoredClock
from .clock import AdjustableClock
from .delivery import Disturbed
from .domain.endpoint import Plan
from .domain.inference import seeds
from .domain.refusals import Refusal
from .faults import HEADER, Fault, Faults
from .handlers import HANDLERS, Handler, refusing
from .journal import Journal
from .limits import Limiter
from .messages import NO_BODY, Body, Call, Json, Reply, Request, Stream
from .models import Models
from .outgoing import checked, finished, internal_error
from .payloads import Payloads
from .replies import Replies
from .settings import Kind, Settings
from .staleness import Staleness
from .store import Store, StoreError, Transaction, open_store
from .turns import Turns
from .usage import Meter

log = logging.getLogger("mockserver")


class Clearable(Protocol):
    """What keeps something for each workspace and can forget it."""

    def clear(self, workspace: str) -> None: ...


class Mock:
    """The fake service, without a socket.

    Args:
        settings: how it behaves.
        clock: where its time comes from; the machine's clock by default.
        store: where its state lives; what the settings say by default.

    Raises:
        StoreError: the store of the settings cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: AdjustableClock | None = None,
        store: Store | None = None,
        spec: Spec | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.spec = spec or load()
        self.store: Store = store or open_store(self.settings.store)
        self.clock = self._everybodys = clock or StoredClock(self.store, REGISTRY)
        self.journal = Journal(self.store, self.spec.operations)
        self.meter = Meter(self.store)
        self.limiter = Limiter(self.store)
        self.turns = Turns(self.store)
        self.payloads = Payloads(self.store)
        self.replies = Replies(self.store)
        self.models = Models()
        self.faults = Faults(self.store, self.spec.operations)
        self.staleness = Staleness(self.store)
        self.authenticator = Authenticator(self.settings, self.store)
        self.parts: list[Clearable] = [
            self.store, self.journal, self.meter, self.limiter, self.turns, self.payloads, self.replies, self.models,
            self.faults, self.staleness,
        ]  # fmt: skip
        """Everything that keeps something for each workspace, so that ``clear`` forgets none."""
        self._given, self._kept = self.settings, cast("Circumstances | None", None)
        self._random = self._sequence(self.settings.seed)
        self._views: dict[str, Mock] = {}
        self._following = threading.Lock()
        self._forwarding = {""} if self.settings.forward else set[str]()

    def respond(
        self, operation: Operation, request: Request, handle: Handler | None = None
    ) -> Reply | Stream | Disturbed:
        """Answer one request. Never raises: what goes wrong becomes a reply.

        ``handle`` stands in for the operation's registered handler where an operation is not of the API: cancelling an
        update, which only the Serving pages have.
        """
        if self.store.instant:
            return self._respond(operation, request, handle)
        try:
            with self.store.request():
                return self._respond(operation, request, handle)
        except StoreError as problem:
            log.error("%s %s: %s", request.method, request.path, problem)
            return errors.StoreUnavailable().reply(self.new_uuid())

    def _respond(self, operation: Operation, request: Request, handle: Handler | None) -> Reply | Stream | Disturbed:
        started = time.perf_counter()
        mock, request_id, now = self, self.new_uuid(), self.clock.now()
        identity: Identity | None = None
        fault: Fault | None = None
        body = refused = NO_BODY
        try:
            identity = self._identify(operation, request, request_id)
            mock = self.of(identity.workspace)
            request_id = mock.new_uuid() if mock is not self else request_id
            now = mock.clock.polled() if request.method == "GET" else mock.clock.now()
            try:
                body = accepted(operation, request)
            except errors.ApiError as refusal:
                handle = refusing(operation.id, refusal)
                refused = Body(request.body, None, {})
                errors.let_go(refusal)
            fault = mock._fault(identity, operation, request, body.value)
            mock._strike(fault, identity, "before")
            call = mock._call(operation, request, identity, body, now, request_id)
            answer = finished(operation, (handle or HANDLERS[operation.id])(call))
            if refused is not NO_BODY:  # it was answered all the same, so it is noted as it came
                body = refused
            mock._strike(fault, identity, "after")
        except errors.InjectedError as injected:
            answer = injected.reply(request_id)
            errors.let_go(injected)
        except errors.ApiError as refusal:
            answer = checked(operation, refusal.reply(request_id))
            errors.let_go(refusal)
        except Refusal as refusal:
            answer = checked(operation, errors.from_refusal(refusal).reply(request_id))
            errors.let_go(refusal)
        except StoreError:
            raise
        except Exception:
            log.exception("%s %s failed: this is a bug of the mock", request.method, request.path)
            answer = internal_error(f"{operation.id} failed inside the mock; its log has the reason", request_id)
        self.journal.record(
            identity.workspace if identity else DEFAULT_WORKSPACE,
            moment=now,
            identity=identity.name if identity else None,
            operation=operation,
            request=request,
            status=0 if fault is not None and fault.drop else answer.status,
            seconds=time.perf_counter() - started + (answer.delay if isinstance(answer, Reply) else 0.0),
            request_id=request_id,
            body=body.value,
            reply=answer.body if isinstance(answer, Reply) else None,
            endpoint=_endpoint(request, body.value),
            fault=fault.id if fault is not None else None,
        )
        return self._delivered(_signed(answer, request_id, identity), fault, identity)

    def refuse(self, request: Request, refusal: errors.ApiError) -> Reply:
        """Answer, and note, a request that no operation of the contract fits."""
        request_id = self.new_uuid()
        reply = refusal.reply(request_id)
        try:
            self._note_refused(request, request_id, reply)
        except StoreError as problem:
            log.error("%s %s cannot be noted: %s", request.method, request.path, problem)
        return reply

    def _note_refused(self, request: Request, request_id: str, reply: Reply) -> None:
        try:
            identity = self.authenticator.identify(request.headers, request_id)
        except errors.ApiError:
            identity = PUBLIC
        self.journal.record(
            identity.workspace,
            moment=self.of(identity.workspace).clock.now(),
            identity=identity.name,
            operation=None,
            request=request,
            status=reply.status,
            seconds=0.0,
            request_id=request_id,
            body=None,
            reply=reply.body,
        )

    def of(self, workspace: str) -> Mock:
        """The mock as this workspace has it: with its own clock and settings, where it was given some."""
        kept = self.store.get(Circumstances, workspace, HERE)
        mock = self._views.get(workspace)
        if kept is not (None if mock is None else mock._kept):
            mock = self._follow(workspace, kept)
        mock = mock or self
        mock.clock.refresh()
        return mock

    def _follow(self, workspace: str, kept: Circumstances | None) -> Mock:
        """The mock as a workspace has it by what the store keeps of its circumstances, whichever process changed them.

        What was configured in this process stays beneath that.
        """
        if workspace == REGISTRY:  # whose circumstances are everybody's clock
            return self
        with self._following:
            view = copy.copy(self._views.get(workspace, self))
            view._kept = kept
            settings = replace(view._given, **((kept.settings if kept else None) or {}))
            if settings != view.settings:
                view._random = self._sequence(settings.seed, workspace)
            view.settings = settings
            own = view.clock is not self._everybodys
            if kept is not None and kept.clock is not None and not own:
                view.clock = StoredClock(self.store, workspace)
            elif own and isinstance(view.clock, StoredClock) and (kept is None or kept.clock is None):
                view.clock = self._everybodys
            self._views[workspace] = view
        return view

    def clock_of(self, workspace: str) -> AdjustableClock:
        """The clock that this workspace lives by."""
        return self.of(workspace).clock

    def own_clock(self, workspace: str) -> AdjustableClock:
        """The clock to change for this workspace alone. That of the default workspace is everybody's."""
        clock = self.clock_of(workspace)
        if clock is self._everybodys and workspace != DEFAULT_WORKSPACE:
            clock = StoredClock(self.store, workspace, clock.setting)
            self.configure(workspace, clock=clock)
        return clock

    def configure(
        self, workspace: str, *, clock: AdjustableClock | None = None, settings: Settings | None = None
    ) -> Mock:
        """Give a workspace a clock, settings (how long deployments take, the seed, ...) or both of its own.

        They are this process's; what the control plane changes is the same in all processes that share the store.
        """
        view = copy.copy(self.of(workspace))
        view.clock = clock or view.clock
        if settings is not None:
            view.settings = view._given = settings
            if settings.forward:
                self._forwarding.add(workspace)
            view._random = self._sequence(settings.seed, workspace)
        self._views[workspace] = view
        return view

    def clear(self, workspace: str) -> None:
        """Forget everything about one workspace: its state, its clock and settings, and what was scripted in it."""
        for part in self.parts:
            part.clear(workspace)
        self._views.pop(workspace, None)
        self._forwarding.discard(workspace)

    def workspaces(self) -> list[str]:
        """The workspaces that have state, requests noted or settings of their own, the tokens' registry included."""
        return list(dict.fromkeys([*self.store.workspaces(), *self.journal.workspaces(), *self._views]))

    def transaction(self, workspace: str) -> AbstractContextManager[Transaction]:
        """A transaction on one workspace's state."""
        return self.staleness.noting(self, workspace, self.store.transaction(workspace))

    def plan(self, workspace: str, name: str, kind: Kind) -> Plan:
        """How the next deployment of this endpoint will go."""
        return self.faults.plan(workspace, name, Plan(self.settings.provisioning_time(kind)))

    def new_uuid(self) -> str:
        """A UUID from the seeded sequence."""
        return seeds.uuid(self._random)

    def _sequence(self, seed: int, *names: str) -> random.Random:
        """What the ids are drawn from: another one in each process that shares the store."""
        parts = [*names, *([str(self.store.process)] if self.store.process else [])]
        return random.Random("/".join([str(seed), *parts]) if parts else seed)

    def may_wait(self, operation: Operation, headers: Mapping[str, str]) -> bool:
        """Whether the answer may take time: for a fault, a script, a plug-in, an upstream, a database or its length."""
        return bool(
            not self.store.instant
            or self.faults.installed
            or self.replies.installed
            or self.models.installed
            or HEADER in headers
            or operation.id in LONG
            or self._forwarding
        )

    def _call(
        self, operation: Operation, request: Request, identity: Identity, body: Body, now: int, request_id: str
    ) -> Call:
        mock = self.staleness.seen(self, identity.workspace, now) if request.method == "GET" else self
        return Call(mock, operation, request, identity, body.full, now, request_id, body.known)

    def _fault(self, identity: Identity, operation: Operation, request: Request, body: Json) -> Fault | None:
        return self.faults.find(identity.workspace, operation.id, _endpoint(request, body), request, identity.name)

    def _strike(self, fault: Fault | None, identity: Identity, moment: Literal["before", "after"]) -> None:
        """Let a fault delay the request and put its error in the place of the answer."""
        if fault is None:
            return
        if fault.when == moment:
            self.faults.wait(identity.workspace, fault.delay)
        if fault.strikes(moment):
            raise fault.error()

    def _delivered(
        self, answer: Reply | Stream, fault: Fault | None, identity: Identity | None
    ) -> Reply | Stream | Disturbed:
        if fault is None or identity is None or not fault.disturbs:
            return answer
        return Disturbed(answer, fault, self.faults.waiter(identity.workspace))

    def _identify(self, operation: Operation, request: Request, request_id: str) -> Identity:
        if operation.public:
            return PUBLIC
        identity = self.authenticator.identify(request.headers, request_id)
        if identity.audience is not None and operation.id not in DATA_PLANE:
            raise errors.InvalidAccessToken(request_id)
        return identity


def _endpoint(request: Request, body: Json) -> str | None:
    """The endpoint that a request is about: named in the path, or in the body of a creation or an OpenAI query."""
    name = request.parameters.get("name")
    if name is None and isinstance(body, dict):
        name = body.get("name") or body.get("model")
    return name if isinstance(name, str) else None


LONG = frozenset({"list_serving_endpoints", "export_metrics"})
"""The operations whose answer is as long as the workspace is large."""

DATA_PLANE = frozenset({"query_route_optimized"})
"""The operations that take a token made for one endpoint; everywhere else it is as good as none."""

PUBLIC = Identity("anonymous", "Anonymous", admin=False)
"""Whoever calls an operation that needs no credential, as part of the default workspace."""


def _signed(answer: Reply | Stream, request_id: str, identity: Identity | None) -> Reply | Stream:
    """The answer with the headers that every reply of a workspace carries."""
    headers = {"x-request-id": request_id, **answer.headers}
    if identity is not None and identity.workspace:
        headers["x-databricks-org-id"] = workspace_id(identity.workspace)
    if isinstance(answer, Stream):
        return Stream(answer.events, headers, answer.terminator, answer.closed, answer.status)
    return Reply(answer.status, answer.body, headers, answer.media_type, answer.delay, answer.written, answer.pieces)
