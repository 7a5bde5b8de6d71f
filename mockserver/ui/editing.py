"""Changing what an endpoint serves, and how its AI Gateway is set, in the form it was created with."""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from ..domain.endpoint import Endpoint
from ..handlers.access import Snapshot, endpoint_of, foundation_endpoints, foundation_settings
from .composition import Composition, composed_of, gateway_of, older_limits_of, telemetry_of
from .creation import explain, submitted
from .rendering import page
from .session import Session

CONFIGURATION = "Edit configuration"
OLDER = "Older rate limits"

WITHIN = {"update_config": "config.", "put_ai_gateway": "ai_gateway."}
"""Where the form, which is that of a creation, has the members of an operation's body."""


def form(session: Session, name: str) -> str:
    """The form that says what the endpoint serves now."""
    endpoint_of(session.call("update_config", name=name))  # refused where there is nothing to configure
    view = session.read("get_serving_endpoint", name=name)
    config = view.get("config") or view.get("pending_config") or {}
    return page("edit.html", name=name, title=CONFIGURATION, form=composed_of(session.mock.spec, config, name))


def update(session: Session, name: str) -> ResponseReturnValue:
    """Start the update and show the endpoint, or show what the API says is wrong."""
    composition = submitted(session)
    return _set(session, composition, "update_config", composition.config(), name, CONFIGURATION)


def gateway(session: Session, name: str) -> str:
    """The form that says how the AI Gateway is set now."""
    view = session.read("get_serving_endpoint", name=name)
    composition = gateway_of(session.mock.spec, view.get("ai_gateway") or {}, name)
    return page("edit.html", name=name, title="AI Gateway", form=composition)


def put_gateway(session: Session, name: str) -> ResponseReturnValue:
    """Set the AI Gateway and show the endpoint, or show what the API says is wrong."""
    composition = submitted(session)
    return _set(session, composition, "put_ai_gateway", composition.gateway(), name, "AI Gateway")


def rate_limits(session: Session, name: str) -> str:
    """The form that says which of the older rate limits there are. No operation tells them."""
    call = session.call("get_serving_endpoint", name=name)
    session.read("get_serving_endpoint", name=name)  # refused to whoever may not look
    found = Snapshot(call).get(Endpoint, name)
    if name in foundation_endpoints():
        limits = foundation_settings(name, Snapshot(call)).rate_limits
    else:
        limits = found.rate_limits if found is not None else ()
    return page("edit.html", name=name, title=OLDER, form=older_limits_of(session.mock.spec, limits, name))


def put_rate_limits(session: Session, name: str) -> ResponseReturnValue:
    """Replace the older rate limits and show the endpoint, or show what the API says is wrong."""
    composition = submitted(session)
    return _set(session, composition, "put_rate_limits", composition.older_rate_limits(), name, OLDER)


def telemetry(session: Session, name: str) -> str:
    """The form that says where logs, metrics and traces go now."""
    view = session.read("get_serving_endpoint", name=name)
    composition = telemetry_of(session.mock.spec, view.get("telemetry_config") or {}, name)
    return page("edit.html", name=name, title="Telemetry", form=composition)


def patch_telemetry(session: Session, name: str) -> ResponseReturnValue:
    """Say where logs, metrics and traces go and show the endpoint, or show what the API says is wrong."""
    composition = submitted(session)
    return _set(session, composition, "patch_telemetry_config", composition.telemetry(), name, "Telemetry")


def _set(
    session: Session, composition: Composition, operation_id: str, body: dict[str, Any], name: str, title: str
) -> ResponseReturnValue:
    reply = session.change(operation_id, body, name=name)
    if reply.status < 400:
        section = None if operation_id == "update_config" else composition.part
        return redirect(url_for("ui.endpoint_overview", name=name, _anchor=section), 303)
    explain(session, composition, operation_id, body, reply, WITHIN.get(operation_id, ""))
    return page("edit.html", name=name, title=title, form=composition)
