"""The operations under ``/__mock__/``, described in ``control.yaml``: one function per operation, named by its id."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openapi import Spec

from . import __version__, errors, snapshot
from .auth import REGISTRY, RegisteredToken, identity_of
from .circumstances import change_settings as keep_settings
from .clock import Setting
from .domain.traffic import Pace
from .fault_rules import DeploymentFault, Fault, from_fields
from .handlers.external_function import Stub
from .journal import Filter
from .messages import Json, Reply
from .reply_rules import ReplyRule, rule
from .staleness import StaleReads

if TYPE_CHECKING:
    from .core import Mock

YAML_MEDIA_TYPE = "application/yaml"
CHANGEABLE = (
    "provisioning", "provisioning_external", "provisioning_custom", "provisioning_provisioned", "seed",
    "external_entities", "time_to_first_token", "time_per_token", "cold_start",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Control:
    """One request for control, decoded and validated: whose workspace it is about and what it says."""

    mock: Mock
    workspace: str
    parameters: Mapping[str, str]
    query: Mapping[str, Any]
    body: Json

    @property
    def filter(self) -> Filter:
        """The entries of the journal that the query means."""
        names = {spec.name for spec in fields(Filter)}
        return Filter(**{name: value for name, value in self.query.items() if name in names})


Answer = Json | Reply
CONTROLS: dict[str, Callable[[Control], Answer]] = {}


def control(function: Callable[[Control], Answer]) -> Callable[[Control], Answer]:
    """Register a function as the handler of the operation it is named after."""
    CONTROLS[function.__name__] = function
    return function


@cache
def control_spec() -> Spec:
    """The description of the control plane.

    Raises:
        RuntimeError: its operations and their handlers do not correspond.
    """
    spec = Spec.read(Path(__file__).with_name("control.yaml"))
    odd = spec.operations.keys() ^ CONTROLS.keys()
    if odd:
        raise RuntimeError(f"control operations without a handler, or handlers without: {sorted(odd)}")
    return spec


@control
def health(call: Control) -> Json:
    requests = call.mock.journal.count(call.workspace)
    return {"status": "ok", "version": __version__, "workspace": call.workspace, "requests": requests}


@control
def control_document(call: Control) -> Json:
    return control_spec().document


@control
def reset(call: Control) -> Json:
    if not call.body.get("everything"):
        call.mock.clear(call.workspace)
        return {}
    for workspace in call.mock.workspaces():
        call.mock.clear(workspace)
    call.mock.clock.reset()
    return {}


@control
def export_state(call: Control) -> Answer:
    document = snapshot.exported(call.mock, call.workspace)
    if call.query["format"] == "yaml":
        return Reply(200, snapshot.dumped(document), media_type=YAML_MEDIA_TYPE)
    return document


@control
def import_state(call: Control) -> Json:
    return {"endpoints": snapshot.imported(call.mock, call.workspace, call.body)}


@control
def read_clock(call: Control) -> Json:
    clock = call.mock.clock_of(call.workspace)
    now = clock.now()
    return {
        "now": snapshot.written(now),
        "milliseconds": now,
        "frozen": clock.frozen,
        "auto_advance": clock.auto_advance,
    }


@control
def move_clock(call: Control) -> Json:
    body = call.body
    freeze = body.get("freeze", False)
    moment = None if isinstance(freeze, bool) else snapshot.moment_of(freeze, "freeze")

    def moved(setting: Setting) -> Setting:
        setting = Setting() if body.get("reset") else setting
        setting = setting if freeze is False else setting.frozen(moment)
        setting = setting.advanced(body.get("advance", 0))
        setting = setting.running() if body.get("run") else setting
        return setting._replace(auto_advance=body.get("auto_advance", setting.auto_advance))

    moved(call.mock.clock_of(call.workspace).setting).checked()  # refused before the workspace has a clock of its own
    call.mock.own_clock(call.workspace).change(moved)
    return read_clock(call)


@control
def read_settings(call: Control) -> Json:
    settings = call.mock.of(call.workspace).settings
    return {name: getattr(settings, name) for name in CHANGEABLE}


@control
def change_settings(call: Control) -> Json:
    replace(call.mock.of(call.workspace).settings, **call.body)  # raises when one of them cannot be
    keep_settings(call.mock.store, call.workspace, call.body)
    return read_settings(call)


@control
def list_tokens(call: Control) -> Json:
    return {"tokens": [_shown(known) for known in call.mock.store.all(RegisteredToken, REGISTRY)]}


@control
def create_token(call: Control) -> Json:
    token = call.body.get("token") or f"dapi{secrets.token_hex(16)}"
    registered = RegisteredToken(token, identity_of({"workspace": call.workspace, **call.body}))
    with call.mock.transaction(REGISTRY) as transaction:
        if call.mock.authenticator.lookup(token) is not None:
            raise errors.ResourceAlreadyExists("That token already stands for somebody.")
        transaction.put(token, registered)
    return {**_shown(registered), "token": token}


@control
def delete_token(call: Control) -> Json:
    with call.mock.transaction(REGISTRY) as transaction:
        for known in transaction.all(RegisteredToken):
            if _token_id(known.token) == call.parameters["id"]:
                transaction.delete(RegisteredToken, known.token)
                return {}
    raise _nothing("token", call)


def _shown(known: RegisteredToken) -> dict[str, Json]:
    identity = known.identity
    shown = {name: getattr(identity, name) for name in ("name", "display_name", "kind", "workspace", "admin")}
    return {"id": _token_id(known.token), **shown, "groups": list(identity.groups)}


def _token_id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:12]


@control
def read_journal(call: Control) -> Json:
    entries = call.mock.journal.entries(call.workspace, call.mock.journal.checked(call.filter))
    return _journal(call, entries, call.query.get("limit"))


@control
def wait_for_journal(call: Control) -> Json:
    entries = call.mock.journal.wait(
        call.workspace, call.query["count"], call.query["timeout"], call.mock.journal.checked(call.filter)
    )
    return _journal(call, entries, None)


def _journal(call: Control, entries: list[Any], limit: int | None) -> Json:
    kept = entries if limit is None else entries[-limit:]
    return {
        "count": len(entries),
        "dropped": call.mock.journal.dropped(call.workspace),
        "entries": [_plain(asdict(entry)) for entry in kept],
    }


@control
def clear_journal(call: Control) -> Json:
    call.mock.journal.clear(call.workspace)
    return {}


@control
def list_faults(call: Control) -> Json:
    faults = call.mock.faults
    return {
        "faults": [{**_told(fault), "struck": struck} for fault, struck in faults.rules(call.workspace)],
        "deployments": [{**_told(fault), "left": left} for fault, left in faults.deployments(call.workspace)],
    }


@control
def add_fault(call: Control) -> Json:
    fault = from_fields(call.body)
    if isinstance(fault, DeploymentFault):
        return _told(call.mock.faults.add_deployment(call.workspace, fault))
    return _told(call.mock.faults.add(call.workspace, fault, call.mock.of(call.workspace).settings.seed))


@control
def delete_fault(call: Control) -> Json:
    if not call.mock.faults.remove(call.workspace, call.parameters["id"]):
        raise _nothing("fault", call)
    return {}


@control
def clear_faults(call: Control) -> Json:
    call.mock.faults.clear(call.workspace)
    return {}


@control
def list_stale_reads(call: Control) -> Json:
    return {"stale_reads": [asdict(rule) for rule in call.mock.staleness.rules(call.workspace)]}


@control
def add_stale_reads(call: Control) -> Json:
    call.mock.staleness.add(call.workspace, StaleReads(**call.body))
    return {}


@control
def clear_stale_reads(call: Control) -> Json:
    call.mock.staleness.clear(call.workspace)
    return {}


@control
def list_replies(call: Control) -> Json:
    rules = call.mock.replies.rules(call.workspace)
    shown = [
        {"id": known.id, "when": known.describe(), "times": known.times, "answered": used} for known, used in rules
    ]
    return {"strict": call.mock.replies.is_strict(call.workspace), "replies": shown}


@control
def add_reply(call: Control) -> Json:
    conditions = {name: value for name, value in call.body.items() if name != "answers"}
    added: ReplyRule = call.mock.replies.add(call.workspace, rule(call.body["answers"], **conditions))
    return {"id": added.id}


@control
def delete_reply(call: Control) -> Json:
    if not call.mock.replies.remove(call.workspace, call.parameters["id"]):
        raise _nothing("scripted reply", call)
    return {}


@control
def clear_replies(call: Control) -> Json:
    call.mock.replies.clear(call.workspace)
    return {}


@control
def set_strict(call: Control) -> Json:
    call.mock.replies.strict(call.workspace, call.body["strict"])
    return {}


@control
def read_payloads(call: Control) -> Json:
    payloads = call.mock.payloads
    rows = payloads.entries(call.workspace, call.query.get("endpoint"))
    counts = {"count": payloads.count(call.workspace), "dropped": payloads.dropped(call.workspace)}
    return {"payloads": [_plain(asdict(row)) for row in rows], **counts}


@control
def clear_payloads(call: Control) -> Json:
    call.mock.payloads.clear(call.workspace)
    return {}


@control
def read_pace(call: Control) -> Json:
    pace = call.mock.store.get(Pace, call.workspace, call.parameters["name"])
    return {} if pace is None else {name: value for name, value in pace._asdict().items() if value is not None}


@control
def set_pace(call: Control) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        transaction.put(call.parameters["name"], Pace(**call.body))
    return read_pace(call)


@control
def clear_pace(call: Control) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        transaction.delete(Pace, call.parameters["name"])
    return {}


@control
def list_upstreams(call: Control) -> Json:
    return {"upstreams": [asdict(stub) for stub in call.mock.store.all(Stub, call.workspace)]}


@control
def add_upstream(call: Control) -> Json:
    stub = Stub(**call.body)
    with call.mock.transaction(call.workspace) as transaction:
        transaction.put("/".join((stub.connection, stub.method or "*", stub.path or "*")), stub)
    return {}


@control
def clear_upstreams(call: Control) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        for stub in transaction.all(Stub):
            transaction.delete(Stub, "/".join((stub.connection, stub.method or "*", stub.path or "*")))
    return {}


def _nothing(what: str, call: Control) -> errors.ResourceDoesNotExist:
    return errors.ResourceDoesNotExist(f"There is no {what} with the id '{call.parameters['id']}' in this workspace.")


def _told(rule: Fault | DeploymentFault) -> dict[str, Json]:
    """A rule without the members that were not given."""
    return {
        spec.name: value
        for spec in fields(rule)
        if (value := getattr(rule, spec.name)) != spec.default or spec.name == "id"
    }


def _plain(value: Any) -> Json:
    """A value as JSON; bytes, such as the body of a CSV request, as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
