"""The list of endpoints: foundation models first, then the workspace's own; searched, filtered, sorted, live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from ..domain import views
from ..domain.endpoint import Endpoint
from ..handlers.access import Snapshot, foundation_endpoints, level_of
from ..handlers.rendering import foundation_view
from ..messages import Call
from .rendering import KINDS, digest, kind_of, macro, page, state_of, update_of
from .session import Session

PAGE_SIZE = 25
AT_ONCE = 9
"""Foundation models that fit into their box; the page shows the others once it has been painted."""

REMEMBERED = 10_000
"""Endpoints of which the row is remembered."""

SORTS = ("name", "state", "kind", "task", "creator", "changed", "requests")
STATES = ("Ready", "Not ready", "Updating", "Update failed", "Update cancelled", "Stopped")
TASK_FILTERS = ("llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings")


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint in the list. ``changed`` is in milliseconds since the epoch."""

    name: str
    kind: str
    task: str
    state: str
    update: str | None
    creator: str
    tags: tuple[str, ...]
    changed: int
    models: str
    requests: int
    split: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What of the list is asked for."""

    search: str = ""
    kind: str = ""
    state: str = ""
    task: str = ""
    sort: str = "name"
    descending: bool = False
    page: int = 1

    @property
    def text(self) -> str:
        """The query as part of a URL; empty when it is the usual one."""
        usual = Query()
        pairs = {name: getattr(self, name) for name in ("search", "kind", "state", "task", "sort", "page")}
        given = {name: value for name, value in pairs.items() if value != getattr(usual, name)}
        return urlencode(given | ({"descending": 1} if self.descending else {}))

    def sorted_by(self, column: str) -> Query:
        """The same query in the order of this column, or the other way round when it is that already."""
        return replace(self, sort=column, descending=self.sort == column and not self.descending, page=1)

    def on(self, number: int) -> Query:
        """Another page of the same query."""
        return replace(self, page=number)

    def takes(self, row: Row) -> bool:
        """Whether an endpoint is one of those asked for."""
        words = self.search.lower().split()
        text = " ".join((row.name, row.creator, row.models, row.task, *row.tags)).lower() if words else ""
        return (
            all(word in text for word in words)
            and self.kind in ("", row.kind)
            and self.task in ("", row.task)
            and self.state in ("", row.state, row.update)
        )


def endpoints(session: Session) -> str:
    """The whole page."""
    return page("list.html", at_once=AT_ONCE, **_values(session))


def results(session: Session) -> ResponseReturnValue:
    """Both tables, for another query."""
    values = _values(session)
    response = Response(page("_results.html", **values))
    text = values["query"].text
    response.headers["HX-Push-Url"] = f"/?{text}" if text else "/"
    return response


def yours(session: Session) -> ResponseReturnValue:
    """The workspace's own endpoints, or nothing when the browser shows them already."""
    values = _values(session)
    if values["mark"] == request.args.get("seen"):
        return "", 204
    return page("_yours.html", **values)


def _values(session: Session) -> dict[str, Any]:
    query, call = _query(), session.call("list_serving_endpoints")
    hosted, own = list(_hosted(session, call)), list(_own(session, call))
    found = sorted((row for row in own if query.takes(row)), key=_order(query.sort), reverse=query.descending)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    number = min(query.page, pages)
    shown = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return {
        "query": query.on(number),
        "hosted": [row for row in hosted if query.takes(row)],
        "markup": markup,
        "shown": shown,
        "found": len(found),
        "total": len(own),
        "pages": pages,
        "kinds": (*KINDS.values(), "Provisioned throughput", "No configuration"),
        "states": STATES,
        "tasks": TASK_FILTERS,
        "mark": digest(repr((shown, len(found), len(own)))),
    }


def _query() -> Query:
    given = request.args
    number = given.get("page", "1")
    return Query(
        given.get("search", "").strip(),
        given.get("kind", ""),
        given.get("state", ""),
        given.get("task", ""),
        given.get("sort", "name") if given.get("sort") in SORTS else "name",
        given.get("descending") == "1",
        int(number) if number.isascii() and number.isdecimal() and len(number) < 6 and int(number) else 1,
    )


@lru_cache(maxsize=REMEMBERED)
def markup(row: Row) -> Markup:
    """The row of a table, which is the same until something about its endpoint changes."""
    return macro("_rows.html", "hosted" if row.kind == "Foundation model" else "own", row)


def _hosted(session: Session, call: Call) -> Iterator[Row]:
    """The pay-per-token endpoints."""
    reader = Snapshot(call)
    for model in foundation_endpoints().values():
        row = _row(foundation_view(call, model, reader), (100,))
        yield replace(row, requests=_requests(session, model.name))


_rows: dict[str, tuple[Endpoint, bool, Row]] = {}
"""What was last shown of an endpoint, by its id: of which record, and whether its deployment was over."""


def forget() -> None:
    """Make the next list anew."""
    _rows.clear()
    markup.cache_clear()


def _own(session: Session, call: Call) -> Iterator[Row]:
    """The workspace's own endpoints that the user may see.

    An endpoint looks the same as long as its record is the same and its deployment has not ended.
    """
    reader = Snapshot(call)
    for endpoint in call.mock.store.all(Endpoint, call.workspace):
        if level_of(call, endpoint, reader) is None:
            continue
        over = endpoint.deployment is not None and endpoint.deployment.is_over(call.now)
        record, was_over, row = _rows.get(endpoint.id, (None, False, None))
        if row is None or was_over != over or not (record is endpoint or record == endpoint):
            config = endpoint.at(call.now).any_config
            split = tuple(route.percentage for route in config.routes) if config else ()
            row = _row(views.summary(endpoint, call.now, "CAN_VIEW"), split)
            if len(_rows) >= REMEMBERED:
                _rows.clear()
            _rows[endpoint.id] = endpoint, over, row
        requests = _requests(session, endpoint.id)
        yield replace(row, requests=requests) if requests else row


def _requests(session: Session, endpoint_id: str) -> int:
    usage = session.mock.meter.of(session.user.workspace, endpoint_id)
    return sum(counts.requests for counts in usage.values())


def _row(view: Mapping[str, Any], split: tuple[int, ...]) -> Row:
    config = view.get("config") or view.get("pending_config") or {}
    return Row(
        view["name"],
        kind_of(view),
        view.get("task", ""),
        state_of(view),
        update_of(view),
        view.get("creator_display_name") or view.get("creator", "Databricks"),
        tuple(f"{tag['key']}: {tag['value']}" if tag.get("value") else tag["key"] for tag in view.get("tags", ())),
        view["last_updated_timestamp"],
        ", ".join(_model(entity) for entity in config.get("served_entities", ())),
        0,
        split,
    )


def _model(entity: Mapping[str, Any]) -> str:
    if "foundation_model" in entity:
        return str(entity["foundation_model"].get("display_name", entity["name"]))
    if "external_model" in entity:
        return f"{entity['external_model']['name']} ({entity['external_model']['provider']})"
    version = entity.get("entity_version")
    return f"{entity['entity_name']} {version}" if version else str(entity["entity_name"])


def _order(sort: str) -> Callable[[Row], Any]:
    if sort in ("changed", "requests"):
        return lambda row: (getattr(row, sort), row.name)
    return lambda row: (str(getattr(row, sort)).lower(), row.name.lower())
