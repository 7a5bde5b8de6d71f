"""Creating an endpoint the documented way: name, served entities, settings; refusals at their fields."""

from __future__ import annotations

import re

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..messages import Json, Reply
from . import forms
from .composition import ARRAYS, ENTITIES, PARTS, SWITCHED, Composition, hosted_models, providers
from .rendering import page
from .session import Session, message_of

_ROUTE_NAME = re.compile(r"traffic_config\.routes\[(\d+)\]\.served_entity_name")
"""A route goes by the name of its entity, which the form asks for at the entity itself."""


def form(session: Session) -> str:
    """The empty form."""
    return page("create.html", form=Composition(session.mock.spec, {}))


def create(session: Session) -> ResponseReturnValue:
    """Create the endpoint and show it, or show what the API says is wrong with it."""
    composition = submitted(session)
    body = composition.body()
    reply = session.change("create_serving_endpoint", body)
    if reply.status < 400:
        return redirect(url_for("ui.endpoint_overview", name=reply.body["name"]), 303)
    explain(session, composition, "create_serving_endpoint", body, reply, "")
    return page("create.html", form=composition)


def change(session: Session) -> ResponseReturnValue:
    """The form after a change of its shape: an item more or less, another provider, another way to fill it in."""
    composition = submitted(session)
    deed, _, place = request.form.get("?do", "").partition(":")
    array, _, index = place.rpartition("@")
    if deed == "add" and place in ARRAYS:
        composition.values = forms.added(composition.values, place)
    elif deed == "remove" and array in ARRAYS and index.isdecimal():
        composition.values = forms.removed(composition.values, array, int(index))
    elif deed == "gateway":
        composition.values[SWITCHED] = "1"
    elif deed == "no-gateway":
        composition.values.pop(SWITCHED, None)
    elif deed == "select" and index.isdecimal():
        problem = composition.select(int(index), request.form)
        if problem is not None:
            return _selection(session, composition, int(index), problem)
    return page("_form.html", form=composition, focus=_focus(composition, deed, place, index))


def select_entity(session: Session) -> ResponseReturnValue:
    """The dialog in which a served entity is selected."""
    index = request.form.get("?index", "0")
    return _selection(session, submitted(session), int(index) if index.isdecimal() else 0, None)


def submitted(session: Session) -> Composition:
    """The form as it was sent."""
    values = {name: text for name, text in request.form.items() if not name.startswith("?")}
    part = PARTS.get(request.form.get("?part", ""), "endpoint")
    return Composition(session.mock.spec, values, part=part, name=request.form.get("?name", ""))


def explain(
    session: Session, composition: Composition, operation_id: str, body: Json, reply: Reply, prefix: str
) -> None:
    """Put the API's refusal at the fields that it is about."""
    shown = composition.shown()
    violations = session.mock.spec.operations[operation_id].request_violations(body) if reply.status == 400 else []
    for violation in violations:
        place = _ROUTE_NAME.sub(r"served_entities[\1].name", f"{prefix}{violation.where}")
        composition.errors.add(violation.message, place, shown)
    if not violations:
        where = "name" if reply.status == 409 and composition.part == "endpoint" else None
        composition.errors.add(message_of(reply) or "", where, shown)


def _selection(session: Session, composition: Composition, index: int, problem: str | None) -> Response:
    response = Response(
        page(
            "_select_entity.html",
            form=composition,
            index=index,
            problem=problem,
            providers=providers(session.mock.spec),
            models=hosted_models(),
        )
    )
    response.headers["HX-Retarget"] = "#dialog"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _focus(composition: Composition, deed: str, place: str, index: str) -> str:
    """The field at which the reader goes on after a change of the form's shape."""
    if deed == "select" and index.isdecimal():
        first = "external_model.name" if composition.kind(int(index)) == "external" else "entity_version"
        return f"{ENTITIES}[{index}].{first}"
    if deed == "add" and place in ARRAYS:
        last = forms.count(composition.values, place) - 1
        return f"{place}[{last}]" if place == ENTITIES else f"{place}[{last}].key"
    return ""
