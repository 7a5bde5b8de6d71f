"""One endpoint: state and history, what it serves now and next, and everything that can be set on it."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..messages import Reply
from . import cancellation, difference
from .history import events_of
from .rendering import digest, kind_of, page, state_of, update_of
from .session import Session, message_of

LEVELS = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")
PRINCIPALS = {"user_name": "User", "group_name": "Group", "service_principal_name": "Service principal"}


def overview(session: Session, name: str) -> str:
    """The endpoint's page."""
    return shown(session, name)


def live(session: Session, name: str) -> ResponseReturnValue:
    """The part that changes by itself, or nothing when the browser shows it already."""
    values = _live(session, session.read("get_serving_endpoint", name=name))
    if values["mark"] == request.args.get("seen"):
        return "", 204
    return page("_live.html", **values)


def shown(session: Session, name: str, problem: str | None = None) -> str:
    """The endpoint's page, with what the API says against the change that was just asked for."""
    view = session.read("get_serving_endpoint", name=name)
    permissions = None
    if "id" in view:
        permissions = session.read("get_permissions", serving_endpoint_id=view["id"])["access_control_list"]
    return page(
        "endpoint.html",
        problem=problem,
        permissions=permissions,
        levels=LEVELS,
        principals=PRINCIPALS,
        notifications=view.get("email_notifications") or {},
        gateway_told=list(difference.leaves(view.get("ai_gateway") or {})),
        telemetry_told=list(difference.leaves(view.get("telemetry_config") or {})),
        **_live(session, view),
    )


def cancel_update(session: Session, name: str) -> ResponseReturnValue:
    """Give up the update under way."""
    return answered(session, name, cancellation.cancel(session, name))


def stop(session: Session, name: str) -> ResponseReturnValue:
    """Take the endpoint out of service."""
    return answered(session, name, session.change("stop_endpoint", name=name))


def start(session: Session, name: str) -> ResponseReturnValue:
    """Put a stopped endpoint into service again."""
    return answered(session, name, session.change("start_endpoint", name=name))


def delete(session: Session, name: str) -> ResponseReturnValue:
    """Delete the endpoint, when its name was typed."""
    if request.form.get("confirmation") != name:
        return shown(session, name, "Nothing was deleted: the name that was typed is not the endpoint's.")
    reply = session.change("delete_serving_endpoint", name=name)
    if reply.status >= 400:
        return shown(session, name, message_of(reply))
    return redirect(url_for("ui.listing_endpoints"), 303)


def tags(session: Session, name: str) -> ResponseReturnValue:
    """Add a tag, or remove one."""
    form = request.form
    if "remove" in form:
        body: dict[str, Any] = {"delete_tags": [form["remove"]]}
    else:
        value = {"value": form["value"]} if form.get("value") else {}
        body = {"add_tags": [{"key": form.get("key", ""), **value}]}
    return answered(session, name, session.change("patch_tags", body, name=name), "tags")


def notifications(session: Session, name: str) -> ResponseReturnValue:
    """Set whom to tell about updates."""
    addresses = {field: request.form.get(field, "").split() for field in ("on_update_success", "on_update_failure")}
    return answered(
        session, name, session.change("update_notifications", {"email_notifications": addresses}, name=name),
        "notifications",
    )  # fmt: skip


def permissions(session: Session, name: str) -> ResponseReturnValue:
    """Grant a level to somebody, or take a grant away."""
    endpoint_id = session.read("get_serving_endpoint", name=name).get("id", name)
    form = request.form
    kind = form.get("kind", "")
    if "remove" in form:
        entries = session.read("get_permissions", serving_endpoint_id=endpoint_id)["access_control_list"]
        kept = [
            {field: entry[field], "permission_level": level["permission_level"]}
            for entry in entries
            for field in PRINCIPALS
            if field in entry and (field, entry[field]) != (kind, form["remove"])
            for level in entry["all_permissions"]
            if not level.get("inherited")
        ]
        reply = session.change("set_permissions", {"access_control_list": kept}, serving_endpoint_id=endpoint_id)
    else:
        grant = {kind: form.get("principal", ""), "permission_level": form.get("level", "")}
        reply = session.change("update_permissions", {"access_control_list": [grant]}, serving_endpoint_id=endpoint_id)
    return answered(session, name, reply, "permissions")


def answered(session: Session, name: str, reply: Reply, anchor: str | None = None) -> ResponseReturnValue:
    """The endpoint's page after a change, or with what the API says against it."""
    problem = message_of(reply)
    if problem is None:
        return redirect(url_for("ui.endpoint_overview", name=name, _anchor=anchor), 303)
    return shown(session, name, problem)


def _live(session: Session, view: dict[str, Any]) -> dict[str, Any]:
    config, pending = view.get("config"), view.get("pending_config")
    values = {
        "view": view,
        "name": view["name"],
        "own": "id" in view,
        "state": state_of(view),
        "update": update_of(view),
        "kind": kind_of(view),
        "config": config,
        "pending": pending,
        "changes": difference.between(config, pending) if config and pending else [],
        "events": events_of(session, view) if "id" in view else [],
    }
    return {**values, "mark": digest(repr(values)), "told": difference.told, "shares": difference.shares}
