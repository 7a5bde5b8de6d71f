"""A whole workspace as one document: written down, read back, and restored.

A document has up to three parts. ``endpoints`` describes endpoints as a client would create them (with ``permissions``
and ``stopped`` beside the members of a creation), ``tokens`` makes identities, and ``records`` is the exact state that
an export wrote. Nothing is changed unless all of it can be used.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openapi.values import REDACTED

from .auth import REGISTRY, Identity, RegisteredToken, identity_of
from .clock import LAST, RANGE, AdjustableClock, Setting
from .codec import CodecError, decode, encode
from .domain.endpoint import Endpoint
from .domain.permissions import AccessList, grants_of
from .domain.refusals import Refusal
from .errors import ApiError
from .faults import Faults
from .handlers import HANDLERS
from .matching import shortened
from .memory_store import MemoryStore
from .messages import Call, Json, Reply, Request
from .outgoing import finished
from .records import KINDS
from .staleness import Staleness
from .store import Store

if TYPE_CHECKING:
    from .core import Mock

VERSION = 1
EXTRAS = ("permissions", "stopped")
"""What the description of an endpoint may say beside the members of a creation."""


class StateError(ValueError):
    """The document cannot be used. ``problems`` are sentences, each naming its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of one workspace at one moment: its records as they were, and its clock."""

    workspace: str
    records: Mapping[str, Mapping[str, object]]
    clock: Setting


def taken(mock: Mock, workspace: str) -> Snapshot:
    """A snapshot of the workspace as it stands."""
    records: dict[str, dict[str, object]] = {
        name: dict(mock.store.items(kind, workspace)) for name, kind in KINDS.items()
    }
    return Snapshot(workspace, {name: found for name, found in records.items() if found}, _clock(mock, workspace))


def restore(mock: Mock, snapshot: Snapshot, workspace: str | None = None, *, beginning: bool = False) -> bool:
    """Put the workspace back into the state of the snapshot; whether that was done.

    What was asked and scripted meanwhile stays. At the ``beginning`` a workspace is left alone that has state already.
    """
    workspace = snapshot.workspace if workspace is None else workspace
    with mock.store.transaction(workspace) as transaction:
        if beginning and any(transaction.all(kind) for kind in KINDS.values()):
            return False
        for name, kind in KINDS.items():
            for key, _ in mock.store.items(kind, workspace):
                transaction.delete(kind, key)
            for key, record in snapshot.records.get(name, {}).items():
                transaction.put(key, record)
    if snapshot.clock != _clock(mock, workspace):
        mock.own_clock(workspace).set(*snapshot.clock)
    return True


def exported(mock: Mock, workspace: str) -> Json:
    """The workspace as a document. Secrets are replaced by a placeholder; tokens are left out."""
    snapshot = taken(mock, workspace)
    offset, frozen_at, auto_advance = snapshot.clock
    clock: dict[str, Json] = {}
    if frozen_at is not None:
        clock["frozen_at"] = written(frozen_at)
    elif offset:
        clock["ahead"] = offset / 1000
    if auto_advance:
        clock["auto_advance"] = auto_advance
    masked = mock.spec.schema("ServedEntityInput").masked
    return {
        "version": VERSION,
        **({"clock": clock} if clock else {}),
        "records": {
            name: {key: _without_secrets(encode(record), masked) for key, record in records.items()}
            for name, records in snapshot.records.items()
        },
    }


def imported(mock: Mock, workspace: str, document: Json, *, beginning: bool = False) -> int:
    """Make the workspace what the document says; how many endpoints it says.

    Args:
        beginning: leave the workspace alone if it has state already, such as from a process that began sooner.

    Raises:
        StateError: some of it cannot be used; nothing was changed.
    """
    problems = list(_head_problems(document))
    if problems:
        raise StateError(problems)
    store = MemoryStore()
    clock = _read_clock(document.get("clock") or {})
    identities = [_identity(entry, workspace) for entry in document.get("tokens") or ()]
    scratch = _scratch(mock, store, workspace, clock)
    if document.get("records"):
        _read_records(store, workspace, document["records"])
        _check_servable(scratch, workspace)
    _create(scratch, workspace, document.get("endpoints") or ())
    records: dict[str, dict[str, object]] = {name: dict(store.items(kind, workspace)) for name, kind in KINDS.items()}
    snapshot = Snapshot(workspace, records, clock or _clock(mock, workspace))
    if restore(mock, snapshot, beginning=beginning) and identities:
        with mock.transaction(REGISTRY) as transaction:
            for registered in identities:
                transaction.put(registered.token, registered)
    return len(records[Endpoint.__name__])


def parsed(text: str | bytes, source: str = "the document") -> Json:
    """A document from YAML or JSON text. Raises StateError naming line and column where it cannot be read."""
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML without references (a small text could grow without end) and with dates as texts."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                mark = self.get_event().start_mark  # type: ignore[no-untyped-call]  # untyped in the stubs
                raise yaml.MarkedYAMLError(problem="references (*name) are not accepted", problem_mark=mark)
            return super().compose_node(parent, index)

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except (ValueError, LookupError, TypeError, AttributeError):  # whatever PyYAML stumbles over
                kind = node.tag.rpartition(":")[2]
                problem = f"{shortened(node.value)} is not a value of the type {kind}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StateError([f"{source}{place}: {problem.problem}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        raise StateError([f"{source}: is not YAML or JSON text: {problem}"]) from None


def load_file(mock: Mock, path: str | Path, workspace: str, *, beginning: bool = False) -> int:
    """Import a file; how many endpoints it describes. Raises StateError naming the file and the place."""
    try:
        text = Path(path).read_bytes()
    except OSError as problem:
        raise StateError([f"{path}: cannot be read: {problem.strerror}"]) from None
    document = parsed(text, str(path))
    try:
        return imported(mock, workspace, document, beginning=beginning)
    except StateError as error:
        raise StateError([f"{path}: {problem}" for problem in error.problems]) from None


def dumped(document: Json) -> str:
    """A document as YAML."""
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def written(moment: int) -> str:
    """A moment in milliseconds as ISO 8601."""
    since = timedelta(milliseconds=moment)  # a float of seconds would be a millisecond out in the far future
    return (datetime(1970, 1, 1) + since).isoformat(timespec="milliseconds") + "Z"


def moment_of(text: Json, where: str) -> int:
    """ISO 8601 text or milliseconds since the epoch as milliseconds.

    Raises:
        StateError: it is neither, or not from 1970 to the year 9999.
    """
    if isinstance(text, int | float) and not isinstance(text, bool) and math.isfinite(text):
        moment = round(text)
    else:
        try:
            read = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            raise StateError(
                [f"{where}: {shortened(text)} is not a moment; write 2026-01-31T12:00:00Z or milliseconds since 1970"]
            ) from None
        moment = round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)
    if not 0 <= moment <= LAST:
        raise StateError([f"{where}: {shortened(text)} is out of range: {RANGE}"])
    return moment


def _clock(mock: Mock, workspace: str) -> Setting:
    return mock.clock_of(workspace).setting


def _head_problems(document: Json) -> Iterator[str]:
    """What is wrong with the document's frame, as the control plane's own contract describes it."""
    from .control_operations import control_spec

    if not isinstance(document, dict):
        yield f"the document is {shortened(document)}, not an object with version, endpoints, records, tokens, clock"
        return
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        yield f"version: the document has version {version}; this mock reads version {VERSION}"
        return
    for violation in control_spec().schema("State").violations(document):
        yield violation.message


def _read_clock(given: Mapping[str, Json]) -> Setting | None:
    if not given:
        return None
    frozen = moment_of(given["frozen_at"], "clock.frozen_at") if given.get("frozen_at") is not None else None
    ahead = given.get("ahead") or 0
    if not abs(ahead) <= LAST / 1000:
        raise StateError([f"clock.ahead: {ahead} is out of range: {RANGE}"])
    try:
        return Setting(round(ahead * 1000), frozen, float(given.get("auto_advance") or 0)).checked()
    except ValueError as problem:
        raise StateError([f"clock.{problem}"]) from None


def _read_records(store: Store, workspace: str, given: Mapping[str, Mapping[str, Json]]) -> None:
    problems = []
    with store.transaction(workspace) as transaction:
        for name, records in given.items():
            for key, value in records.items():
                try:
                    transaction.put(key, decode(KINDS[name], value))
                except KeyError:
                    problems.append(f"records.{name}: there is no such kind; there are {', '.join(KINDS)}")
                except CodecError as problem:
                    problems.append(f"records.{name}.{key}: {problem}")
    if problems:
        raise StateError(problems)


def _check_servable(mock: Mock, workspace: str) -> None:
    from .servable import problems

    found = list(problems(mock, workspace))
    if found:
        raise StateError(found)


def _scratch(mock: Mock, store: Store, workspace: str, clock: Setting | None) -> Mock:
    """The mock as the workspace has it, on another store and with another clock; its deployments take no time."""
    scratch = copy.copy(mock.of(workspace))
    scratch.store, scratch.faults, scratch.staleness = store, Faults(store), Staleness(store)
    scratch.settings = replace(scratch.settings, provisioning=0)
    if clock is not None:
        scratch.clock = AdjustableClock()
        scratch.clock.set(*clock)
    return scratch


def _create(mock: Mock, workspace: str, bodies: Any) -> None:
    """Create the described endpoints in the mock's store, by the handlers that create them for clients."""
    identity = mock.authenticator.administrator(workspace)
    problems = []
    for index, body in enumerate(bodies):
        try:
            _create_one(mock, identity, body)
        except StateError as error:
            problems += [f"endpoints[{index}]: {problem}" for problem in error.problems]
        except (Refusal, ApiError) as refusal:
            problems.append(f"endpoints[{index}]: {refusal.message}")
    if problems:
        raise StateError(problems)


def created(mock: Mock, workspace: str, described: Mapping[str, Json]) -> Json:
    """Create an endpoint that is ready at once, without a request; as the API shows it.

    Raises:
        StateError: it cannot be created as described.
    """
    scratch = copy.copy(mock.of(workspace))
    scratch.faults, scratch.staleness = Faults(), Staleness()
    scratch.settings = replace(scratch.settings, provisioning=0)
    try:
        return _create_one(scratch, mock.authenticator.administrator(workspace), described)
    except (Refusal, ApiError) as refusal:
        raise StateError([refusal.message]) from None


def _create_one(mock: Mock, identity: Identity, described: Mapping[str, Json]) -> Json:
    body = {name: value for name, value in described.items() if name not in EXTRAS}
    operation = mock.spec.operations["create_serving_endpoint"]
    violations = operation.request_violations(body)
    if violations:
        raise StateError([violation.message for violation in violations])
    request = Request(operation.method, operation.path)
    full = operation.with_defaults(body)
    call = Call(mock, operation, request, identity, full, mock.clock.now(), mock.new_uuid(), {})
    shown = finished(operation, HANDLERS[operation.id](call))
    with mock.store.transaction(identity.workspace) as transaction:
        endpoint = transaction.get(Endpoint, body["name"])
        assert endpoint is not None
        if described.get("stopped"):
            transaction.put(endpoint.name, endpoint.stop(call.now))
        if described.get("permissions"):
            access = transaction.get(AccessList, endpoint.id) or AccessList(endpoint.id)
            transaction.put(endpoint.id, access.merged(grants_of(described["permissions"])))
    assert isinstance(shown, Reply)
    return shown.body


def _identity(entry: Mapping[str, Json], workspace: str) -> RegisteredToken:
    return RegisteredToken(entry["token"], identity_of({"workspace": workspace, **entry}))


def _without_secrets(value: Json, masked: Callable[[Json], Json]) -> Json:
    """The record with the texts replaced that the contract calls writeOnly, wherever a served entity is defined."""
    if isinstance(value, dict):
        return {
            name: _redacted(item, masked(item)) if name == "definition" else _without_secrets(item, masked)
            for name, item in value.items()
        }
    return [_without_secrets(item, masked) for item in value] if isinstance(value, list) else value


def _redacted(value: Json, masked: Json) -> Json:
    if isinstance(value, dict) and isinstance(masked, dict):
        return {name: _redacted(item, masked.get(name)) for name, item in value.items()}
    return REDACTED if masked == REDACTED and isinstance(value, str) else value
