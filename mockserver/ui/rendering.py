"""Values as a reader sees them, and the pages that show them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import current_app, g, render_template
from jinja2 import Environment
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"
KINDS = {
    "FOUNDATION_MODEL_API": "Foundation model",
    "EXTERNAL_MODEL": "External model",
    "CUSTOM_MODEL": "Custom model",
}
TASKS = {
    "llm/v1/chat": "Chat",
    "llm/v1/completions": "Completions",
    "llm/v1/embeddings": "Embeddings",
    "agent/v1/responses": "Agent",
    "agent/v1/chat": "Agent",
    "agent/v2/chat": "Agent",
}
BRIEF = 130
"""Characters of help that fit under a field."""

UPDATES = {"IN_PROGRESS": "Updating", "UPDATE_FAILED": "Update failed", "UPDATE_CANCELED": "Update cancelled"}


def page(template: str, **values: Any) -> str:
    """A template with the values that all of them use."""
    _prepare()
    return render_template(template, session=g.session, **values)


def macro(template: str, name: str, *arguments: Any) -> Markup:
    """What one macro of a template makes."""
    module = _prepare().get_template(template).module
    return Markup(getattr(module, name)(*arguments))


def _prepare() -> Environment:
    jinja: Environment = current_app.jinja_env
    if "moment" not in jinja.filters:
        jinja.filters.update(moment=moment, clock=clock, day=day, brief=brief, iso=iso, number=number, words=words)
        jinja.globals.update(asset=asset, TASKS=TASKS, KINDS=KINDS)
        jinja.trim_blocks = jinja.lstrip_blocks = True
        jinja.auto_reload = False
    return jinja


def digest(text: str) -> str:
    """A short mark of what a fragment shows, by which a browser says what it has already."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def asset(name: str) -> str:
    """The URL of a static file, changed when the file changes."""
    return f"/ui/static/{name}?v={_fingerprint(name)}"


@cache
def _fingerprint(name: str) -> str:
    return hashlib.blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()


def moment(milliseconds: int | None) -> str:
    """Date and time of day, in UTC."""
    return "" if milliseconds is None else _utc(milliseconds).strftime("%-d %b %Y, %H:%M:%S")


def day(milliseconds: int) -> str:
    """The date, in UTC."""
    return _utc(milliseconds).strftime("%-d %b %Y")


def clock(milliseconds: int) -> str:
    """The time of day, in UTC."""
    return _utc(milliseconds).strftime("%H:%M:%S")


def iso(milliseconds: int) -> str:
    """The moment for machines."""
    return _utc(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def brief(text: str) -> Markup:
    """A description's first sentences, as far as they are short; what stands in backticks as code."""
    shown = ""
    for sentence in text.split(". "):
        if shown and len(shown) + len(sentence) > BRIEF:
            break
        shown += sentence.rstrip(".") + ". "
    pieces = shown.strip().split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if i % 2 else piece for i, piece in enumerate(pieces)
    )


def number(value: float) -> str:
    """A count with separators."""
    return f"{value:,.0f}"


def words(constant: str) -> str:
    """A constant of the contract in words: what several of them begin with tells nobody anything."""
    return constant.removeprefix("TELEMETRY_FEATURE_").replace("_", " ").capitalize()


def state_of(view: Mapping[str, Any]) -> str:
    """Whether an endpoint answers, in the documentation's words."""
    return "Ready" if view["state"]["ready"] == "READY" else "Not ready"


def update_of(view: Mapping[str, Any]) -> str | None:
    """What is to say of the endpoint's latest update, if anything."""
    if view["state"].get("suspend") == "STOPPED":
        return "Stopped"
    return UPDATES.get(view["state"].get("config_update", ""))


def kind_of(view: Mapping[str, Any]) -> str:
    """What kind of models an endpoint serves."""
    config = view.get("config") or view.get("pending_config") or {}
    if any(entity.get("type") == "PT_FOUNDATION_MODEL" for entity in config.get("served_entities", ())):
        return "Provisioned throughput"
    return KINDS.get(view.get("endpoint_type", ""), "No configuration")


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
