"""Changing what an endpoint serves, and how its AI Gateway is set, in the form it was created with."""

from __future__ import annotations

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from .composition import composed_of, gateway_of
from .creation import explain, submitted
from .rendering import page
from .session import Session


def form(session: Session, name: str) -> str:
    """The form that says what the endpoint serves now."""
    view = session.read("get_serving_endpoint", name=name)
    config = view.get("config") or view.get("pending_config") or {}
    return page("edit.html", name=name, title="Edit configuration", form=composed_of(session.mock.spec, config, name))


def update(session: Session, name: str) -> ResponseReturnValue:
    """Start the update and show the endpoint, or show what the API says is wrong."""
    composition = submitted(session)
    body = composition.config()
    reply = session.change("update_config", body, name=name)
    if reply.status < 400:
        return redirect(url_for("ui.endpoint_overview", name=name), 303)
    explain(session, composition, "update_config", body, reply, "config.")
    return page("edit.html", name=name, title="Edit configuration", form=composition)


def gateway(session: Session, name: str) -> str:
    """The form that says how the AI Gateway is set now."""
    view = session.read("get_serving_endpoint", name=name)
    composition = gateway_of(session.mock.spec, view.get("ai_gateway") or {}, name)
    return page("edit.html", name=name, title="AI Gateway", form=composition)


def put_gateway(session: Session, name: str) -> ResponseReturnValue:
    """Set the AI Gateway and show the endpoint, or show what the API says is wrong."""
    composition = submitted(session)
    body = composition.gateway()
    reply = session.change("put_ai_gateway", body, name=name)
    if reply.status < 400:
        return redirect(url_for("ui.endpoint_overview", name=name, _anchor="gateway"), 303)
    explain(session, composition, "put_ai_gateway", body, reply, "ai_gateway.")
    return page("edit.html", name=name, title="AI Gateway", form=composition)
