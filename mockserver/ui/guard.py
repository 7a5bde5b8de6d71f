"""Who may use the pages, and from where: the Host header, the origin of a change, the identity, the policy."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException

from ..domain.refusals import Refusal
from ..errors import ApiError, from_refusal
from ..settings import DEVELOPMENT_TOKEN
from .rendering import page
from .session import Session

if TYPE_CHECKING:
    from ..core import Mock

COOKIE = "serving_mock_token"
CONTROL_COOKIE = "serving_mock_control_token"
UNIDENTIFIED = frozenset({"ui.static", "ui.signing_form", "ui.signing_sign_in", "ui.signing_sign_out"})
"""What can be had without being anybody."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE_METHODS = frozenset({"GET", "HEAD"})
ASSET_LIFETIME = 31_536_000


def admit(mock: Mock) -> ResponseReturnValue | None:
    """Let a request to the pages pass, or refuse it, or ask for a sign-in.

    Raises:
        Forbidden: the Host header is a stranger's, or a change was asked for by another site.
    """
    local = is_loopback(mock.settings.host)
    _check_host(mock.settings.host, local)
    if request.method not in SAFE_METHODS:
        _check_origin()
    token = request.cookies.get(COOKIE)
    identity = mock.authenticator.lookup(token) if token else None
    signed_in = identity is not None
    if identity is None and local:
        token, identity = DEVELOPMENT_TOKEN, mock.authenticator.lookup(DEVELOPMENT_TOKEN)
    base_url, controlling = request.host_url.rstrip("/"), request.cookies.get(CONTROL_COOKIE, "")
    g.session = Session(mock, identity, token or "", base_url, signed_in, request.remote_addr, controlling)
    if identity is None and request.endpoint not in UNIDENTIFIED:
        return redirect(url_for("ui.signing_form"), 303)
    return None


def secured(response: Response) -> Response:
    """The answer with the headers that tell a browser what the pages never do."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.endpoint == "ui.static" and response.status_code == 200:
        headers["Cache-Control"] = f"max-age={ASSET_LIFETIME}, immutable" if request.args.get("v") else "no-cache"
    else:
        headers["Cache-Control"] = "no-store"
    return response


def http_problem(problem: HTTPException) -> ResponseReturnValue:
    """A page for what the web framework or the guard itself refused."""
    status = problem.code or 500
    if "session" not in g:
        return Response(f"{status} {problem.name}: {problem.description}\n", status, content_type="text/plain")
    return page("refused.html", status=status, code=problem.name, message=problem.description), status


def refused(problem: ApiError | Refusal) -> ResponseReturnValue:
    """A page for what the API refused, in the API's words."""
    error = from_refusal(problem) if isinstance(problem, Refusal) else problem
    return page("refused.html", status=error.status, code=error.code, message=error.message), error.status


def is_loopback(host: str) -> bool:
    """Whether this name or address can only be this machine."""
    name = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _check_host(configured: str, local: bool) -> None:
    """Names that a foreign site could point at this machine (DNS rebinding) are refused.

    Beyond loopback, addresses and names without a dot pass too: nobody can register those.
    """
    name = urlsplit(f"//{request.host}").hostname or ""
    if is_loopback(name) or name == configured.lower():
        return
    if not local and ("." not in name or _is_address(name)):
        return
    raise Forbidden(
        f"The pages are not served under the host name '{name}'. Use http://127.0.0.1 or http://localhost with the "
        "port of the server, or the address it was told to listen on."
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin is not None:
        same = origin.lower() == request.host_url.rstrip("/").lower()
    else:
        same = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not same:
        raise Forbidden("Changes are accepted from these pages only: the request does not come from this origin.")
