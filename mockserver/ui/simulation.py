"""Controls of the simulation: clock, deployments, faults, identities, reset, export and import of the state."""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..control_operations import YAML_MEDIA_TYPE
from ..messages import JSON_MEDIA_TYPE, Reply
from .guard import CONTROL_COOKIE
from .rendering import page
from .session import Control, Session, message_of

STATUSES = ("400", "401", "403", "404", "409", "429", "500", "502", "503", "504")
OUTCOMES = ("FAILED", "ABORTED", "READY")
TEXTS = ("operation", "endpoint", "identity", "message", "error_code")
NUMBERS = ("status", "times", "skip", "delay", "retry_after", "probability", "seconds", "cut_after")


def form(session: Session) -> str:
    """The page."""
    return shown(session, None)


def shown(session: Session, problem: str | None, **values: Any) -> str:
    """The page, with what the control plane says against what was just asked for."""
    control = Control(session)
    clock = control.ask("read_clock")
    if clock.status >= 400:
        return page("simulation_closed.html", message=problem or message_of(clock))
    faults, workspace = control.ask("list_faults").body, session.user.workspace
    return page(
        "simulation.html",
        problem=problem,
        clock=clock.body,
        settings=control.ask("read_settings").body,
        faults=faults["faults"],
        deployments=faults["deployments"],
        tokens=[each for each in control.ask("list_tokens").body["tokens"] if each["workspace"] == workspace],
        operations=sorted(session.mock.spec.operations),
        statuses=STATUSES,
        outcomes=OUTCOMES,
        **values,
    )


def open_controls(session: Session) -> ResponseReturnValue:
    """Keep the control token that the mock was started with."""
    response = redirect(url_for("ui.simulation_form"), 303)
    response.set_cookie(
        CONTROL_COOKIE, request.form.get("token", ""), httponly=True, samesite="Strict", secure=request.is_secure
    )
    return response


def clock(session: Session) -> ResponseReturnValue:
    """Move, freeze, run or reset the clock."""
    given = request.form
    if "advance" in given:
        body: dict[str, Any] = {"advance": _number(given["advance"])}
    else:
        body = {given.get("deed", ""): True}
    return _answered(session, Control(session).ask("move_clock", body))


def settings(session: Session) -> ResponseReturnValue:
    """Change how long deployments take."""
    text = request.form.get("provisioning", "").strip()
    return _answered(
        session, Control(session).ask("change_settings", {"provisioning": _number(text) if text else None})
    )


def fault(session: Session) -> ResponseReturnValue:
    """Let requests or deployments go wrong."""
    given = request.form
    body: dict[str, Any] = {name: given[name] for name in (*TEXTS, "when", "outcome") if given.get(name)}
    body |= {name: _number(given[name]) for name in NUMBERS if given.get(name)}
    body |= {"drop": True} if given.get("drop") else {}
    return _answered(session, Control(session).ask("add_fault", body))


def remove_fault(session: Session) -> ResponseReturnValue:
    """Take one fault away, or all of them."""
    control = Control(session)
    identifier = request.form.get("id")
    reply = control.ask("delete_fault", id=identifier) if identifier else control.ask("clear_faults")
    return _answered(session, reply)


def token(session: Session) -> ResponseReturnValue:
    """Make an identity, and show its token this once."""
    given = request.form
    body: dict[str, Any] = {given.get("kind", "user_name"): given.get("name", "").strip()}
    body |= {"admin": bool(given.get("admin")), "groups": given.get("groups", "").split()}
    reply = Control(session).ask("create_token", body)
    if reply.status >= 400:
        return shown(session, message_of(reply))
    return shown(session, None, made=reply.body)


def reset(session: Session) -> ResponseReturnValue:
    """Forget everything about the workspace."""
    return _answered(session, Control(session).ask("reset", {}))


def export(session: Session) -> ResponseReturnValue:
    """The state of the workspace as a file."""
    form_ = "yaml" if request.args.get("format") == "yaml" else "json"
    reply = Control(session).ask("export_state", query={"format": form_})
    if reply.status >= 400:
        return shown(session, message_of(reply))
    from ..app import delivered

    response: Response = delivered(reply)
    response.headers["Content-Disposition"] = f"attachment; filename=serving-state.{form_}"
    return response


def restore(session: Session) -> ResponseReturnValue:
    """Make the workspace what a file says."""
    file = request.files.get("state")
    content = file.read() if file is not None else b""
    if not content:
        return shown(session, "Choose a file that was exported, or one that describes endpoints.")
    is_yaml = not content.lstrip().startswith(b"{")
    reply = Control(session).ask("import_state", content, media_type=YAML_MEDIA_TYPE if is_yaml else JSON_MEDIA_TYPE)
    return _answered(session, reply)


def _answered(session: Session, reply: Reply) -> ResponseReturnValue:
    problem = message_of(reply)
    return redirect(url_for("ui.simulation_form"), 303) if problem is None else shown(session, problem)


def _number(text: str) -> float | str:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value
