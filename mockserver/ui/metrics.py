"""What an endpoint was asked and how it went, over time and by served entity; and its logs."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from . import plots
from .rendering import digest, kind_of, page, state_of, update_of
from .session import Session

WINDOWS = {"5": "5 minutes", "15": "15 minutes", "60": "1 hour", "1440": "1 day"}


def form(session: Session, name: str) -> str:
    """The page of plots."""
    view = session.read("get_serving_endpoint", name=name)
    return page("metrics.html", **_head(view), **_plots(session, view))


def live(session: Session, name: str) -> ResponseReturnValue:
    """The plots, or nothing when the browser shows them already."""
    values = _plots(session, session.read("get_serving_endpoint", name=name))
    if values["mark"] == request.args.get("seen"):
        return "", 204
    return page("_plots.html", name=name, **values)


def logs(session: Session, name: str) -> str:
    """The page of logs."""
    view = session.read("get_serving_endpoint", name=name)
    return page("logs.html", **_head(view), **_logs(session, view))


def live_logs(session: Session, name: str) -> ResponseReturnValue:
    """The logs, or nothing when the browser shows them already."""
    values = _logs(session, session.read("get_serving_endpoint", name=name))
    if values["mark"] == request.args.get("seen"):
        return "", 204
    return page("_logs.html", name=name, **values)


def _head(view: dict[str, Any]) -> dict[str, Any]:
    facts = {"state": state_of(view), "update": update_of(view), "kind": kind_of(view), "own": "id" in view}
    return {"view": view, "name": view["name"], **facts}


def _plots(session: Session, view: dict[str, Any]) -> dict[str, Any]:
    minutes = request.args.get("minutes", "15")
    minutes = minutes if minutes in WINDOWS else "15"
    place = (session.user.workspace, view.get("id") or view["name"])
    samples, usage = session.mock.meter.samples(*place), session.mock.meter.of(*place)
    entities = [entity["name"] for entity in (view.get("config") or {}).get("served_entities", ())]
    entities += [name for name in usage if name not in entities]
    over = plots.span(session.now, int(minutes) * 60)
    drawn = (
        plots.counts("Requests", samples, entities, over, lambda sample: 1),
        plots.counts("Errors", samples, entities, over, lambda sample: sample.status >= 400),
        plots.means("Latency", samples, entities, over, lambda sample: sample.milliseconds),
        plots.counts("Tokens", samples, entities, over, lambda sample: sample.tokens),
    )
    mark = digest(repr((drawn, minutes)))
    return {
        "plots": drawn, "usage": usage, "entities": entities, "minutes": minutes, "windows": WINDOWS, "mark": mark,
        "colours": plots.COLOURS, "width": plots.WIDTH, "height": plots.HEIGHT, "left": plots.LEFT,
    }  # fmt: skip


def _logs(session: Session, view: dict[str, Any]) -> dict[str, Any]:
    configs = [view[part] for part in ("pending_config", "config") if part in view]
    names = list(dict.fromkeys(entity["name"] for config in configs for entity in config.get("served_entities", ())))
    entity = request.args.get("entity", "")
    entity = entity if entity in names else names[0] if names else ""
    shown = {"Service logs": "", "Build logs": ""}
    if entity and "id" in view:
        for title, operation in (("Service logs", "get_logs"), ("Build logs", "get_build_logs")):
            shown[title] = session.read(operation, name=view["name"], served_model_name=entity)["logs"]
    return {"entity": entity, "names": names, "logs": shown, "mark": digest(repr((entity, shown)))}
