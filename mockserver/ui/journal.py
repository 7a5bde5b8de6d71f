"""What happened: the journal, live, with each request and reply, asked again or taken along as curl."""

from __future__ import annotations

import re
from typing import Any

import orjson
from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from openapi.values import REDACTED

from ..app import delivered
from ..journal import Entry, Filter
from ..settings import DEVELOPMENT_TOKEN
from . import snippets
from .rendering import page
from .session import Session

SECRET = re.compile(r"plaintext|password|secret|token$|api_?key|private_key|access_key", re.IGNORECASE)
"""Names of members whose values are not shown when the contract cannot tell."""

SHOWN = 100
"""Exchanges on the page, the latest first."""


def form(session: Session) -> str:
    """The page."""
    return page("journal.html", **_values(session))


def live(session: Session) -> ResponseReturnValue:
    """The exchanges, or nothing when the browser shows them already."""
    if request.args.get("seen") == _mark(session):
        return "", 204
    return page("_journal.html", **_values(session))


def exchange(session: Session, number: str) -> str:
    """One exchange in full."""
    entry = _entry(session, number)
    token = session.token if session.token.startswith(DEVELOPMENT_TOKEN) else "YOUR-TOKEN"
    body = _asked(session, entry)
    return page(
        "exchange.html",
        entry=entry,
        asked=pretty(body),
        answered=pretty(entry.reply),
        curl=snippets.curl(entry.method, session.base_url + entry.path, token, body),
    )


def replay(session: Session, number: str) -> ResponseReturnValue:
    """Ask the same again, in the name of whoever looks at the page, and show the new exchange."""
    found = session.mock.journal.asked(session.user.workspace, _number(number))
    if found is None:
        raise NotFound("This exchange is no longer kept, or was no operation of the contract.")
    operation, original = found
    if operation.id not in session.mock.spec.operations:
        raise NotFound("Only operations of the API can be asked again.")
    headers = {**original.headers, "authorization": f"Bearer {session.token}"}
    again = original._replace(headers=headers, base_url=session.base_url)
    delivered(session.mock.respond(operation, again)).get_data()
    latest = session.mock.journal.count(session.user.workspace)
    return exchange(session, str(latest))


def _values(session: Session) -> dict[str, Any]:
    given = request.args
    operation, endpoint, outcome = (given.get(name, "") for name in ("operation", "endpoint", "outcome"))
    only = Filter(operation=operation or None, endpoint=f"*{endpoint}*" if endpoint else None)
    journal, workspace = session.mock.journal, session.user.workspace
    latest = journal.latest(workspace, only, SHOWN, failed={"refused": True, "answered": False}.get(outcome))
    return {
        "entries": latest,
        "count": journal.count(workspace),
        "dropped": journal.dropped(workspace),
        "operations": sorted(session.mock.spec.operations),
        "operation": operation,
        "endpoint": endpoint,
        "outcome": outcome,
        "mark": _mark(session),
        "shown": SHOWN,
    }


def _mark(session: Session) -> str:
    return str(session.mock.journal.count(session.user.workspace))


def _entry(session: Session, number: str) -> Entry:
    wanted = _number(number)
    entry = session.mock.journal.entry(session.user.workspace, wanted)
    if entry is None:
        raise NotFound(f"Exchange {wanted} is not in the journal; the oldest ones are dropped.")
    return entry


def _asked(session: Session, entry: Entry) -> Any:
    """The request's body without secrets. The journal has none of a request that was not understood."""
    if isinstance(entry.body, bytes):
        return entry.body.decode("utf-8", "replace")
    found = session.mock.journal.asked(session.user.workspace, entry.number) if entry.body is None else None
    if found is None or not found[1].body:
        return entry.body
    operation, original = found
    try:
        return _scrubbed(operation.masked(orjson.loads(original.body)))
    except orjson.JSONDecodeError:
        return f"{len(original.body)} bytes that are not JSON"


def _scrubbed(value: Any) -> Any:
    """A value that may break the contract, so that secrets are known by the names of their members only."""
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: REDACTED if SECRET.search(name) else _scrubbed(item) for name, item in value.items()}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise NotFound("Exchanges are numbered.")
    return int(text)


def pretty(value: Any) -> str:
    """A value of the journal as text to read."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=_other).decode()


def _other(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
