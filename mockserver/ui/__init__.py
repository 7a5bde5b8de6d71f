"""The Serving pages: what the mock holds and what was asked of it, in the browser.

Only the list of routes is loaded with the server; the pages themselves are imported when the first one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, g
from werkzeug.exceptions import HTTPException

from ..domain.refusals import Refusal
from ..errors import ApiError

if TYPE_CHECKING:
    from ..core import Mock

ENDPOINT = "/ml/endpoints/<name>"
ROUTES = (
    ("GET", "/", "listing.endpoints"),
    ("GET", "/ml/endpoints", "listing.endpoints"),
    ("GET", "/ui/endpoints", "listing.results"),
    ("GET", "/ui/endpoints/yours", "listing.yours"),
    ("GET", "/ml/create-endpoint", "creation.form"),
    ("POST", "/ml/create-endpoint", "creation.create"),
    ("POST", "/ui/form", "creation.change"),
    ("POST", "/ui/select-entity", "creation.select_entity"),
    ("GET", ENDPOINT, "endpoint.overview"),
    ("GET", f"{ENDPOINT}/live", "endpoint.live"),
    ("GET", f"{ENDPOINT}/edit", "editing.form"),
    ("POST", f"{ENDPOINT}/edit", "editing.update"),
    ("GET", f"{ENDPOINT}/gateway", "editing.gateway"),
    ("POST", f"{ENDPOINT}/gateway", "editing.put_gateway"),
    ("GET", f"{ENDPOINT}/rate-limits", "editing.rate_limits"),
    ("POST", f"{ENDPOINT}/rate-limits", "editing.put_rate_limits"),
    ("GET", f"{ENDPOINT}/telemetry", "editing.telemetry"),
    ("POST", f"{ENDPOINT}/telemetry", "editing.patch_telemetry"),
    ("POST", f"{ENDPOINT}/cancel-update", "endpoint.cancel_update"),
    ("POST", f"{ENDPOINT}/stop", "endpoint.stop"),
    ("POST", f"{ENDPOINT}/start", "endpoint.start"),
    ("POST", f"{ENDPOINT}/delete", "endpoint.delete"),
    ("POST", f"{ENDPOINT}/tags", "endpoint.tags"),
    ("POST", f"{ENDPOINT}/notifications", "endpoint.notifications"),
    ("POST", f"{ENDPOINT}/permissions", "endpoint.permissions"),
    ("GET", f"{ENDPOINT}/try", "tryit.form"),
    ("POST", f"{ENDPOINT}/query", "tryit.query"),
    ("POST", f"{ENDPOINT}/code", "tryit.code"),
    ("GET", f"{ENDPOINT}/metrics", "metrics.form"),
    ("GET", f"{ENDPOINT}/metrics/live", "metrics.live"),
    ("GET", f"{ENDPOINT}/logs", "metrics.logs"),
    ("GET", f"{ENDPOINT}/logs/live", "metrics.live_logs"),
    ("GET", "/ui/journal", "journal.form"),
    ("GET", "/ui/journal/live", "journal.live"),
    ("GET", "/ui/journal/<number>", "journal.exchange"),
    ("POST", "/ui/journal/<number>/replay", "journal.replay"),
    ("GET", "/ui/simulation", "simulation.form"),
    ("POST", "/ui/simulation/open", "simulation.open_controls"),
    ("POST", "/ui/simulation/clock", "simulation.clock"),
    ("POST", "/ui/simulation/settings", "simulation.settings"),
    ("POST", "/ui/simulation/fault", "simulation.fault"),
    ("POST", "/ui/simulation/remove-fault", "simulation.remove_fault"),
    ("POST", "/ui/simulation/token", "simulation.token"),
    ("POST", "/ui/simulation/reset", "simulation.reset"),
    ("GET", "/ui/simulation/export", "simulation.export"),
    ("POST", "/ui/simulation/import", "simulation.restore"),
    ("GET", "/docs", "contract.form"),
    ("GET", "/ui/sign-in", "signing.form"),
    ("POST", "/ui/sign-in", "signing.sign_in"),
    ("POST", "/ui/sign-out", "signing.sign_out"),
)
"""Method, rule, and the module and function that answers."""


def register(app: Flask, mock: Mock) -> None:
    """Add the pages of this mock to its application."""
    pages = Blueprint("ui", __name__, static_folder="static", static_url_path="/ui/static", template_folder="templates")
    for method, rule, place in ROUTES:
        pages.add_url_rule(
            rule,
            endpoint=place.replace(".", "_"),
            view_func=_view(place),
            methods=[method],
            provide_automatic_options=False,
        )
    pages.before_request(lambda: _guard().admit(mock))
    pages.after_request(lambda response: _guard().secured(response))
    pages.register_error_handler(HTTPException, lambda problem: _guard().http_problem(problem))
    pages.register_error_handler(ApiError, lambda problem: _guard().refused(problem))
    pages.register_error_handler(Refusal, lambda problem: _guard().refused(problem))
    app.register_blueprint(pages)


@cache
def _view(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(".")

    def view(**parameters: str) -> Any:
        return getattr(import_module(f".{module}", __name__), function)(g.session, **parameters)

    return view


def _guard() -> Any:
    return import_module(".guard", __name__)
