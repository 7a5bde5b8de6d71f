"""Signing in with a token, to act as somebody else or from another machine."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from .guard import COOKIE
from .rendering import page
from .session import Session

UNKNOWN = "Invalid access token: nobody was given this one, or it has expired."


def form(session: Session) -> str:
    """The form that asks for a token."""
    return page("sign_in.html", problem=None)


def sign_in(session: Session) -> ResponseReturnValue:
    """Keep the token in a cookie, when it is somebody's."""
    token = request.form.get("token", "").strip()
    if session.mock.authenticator.lookup(token) is None:
        return page("sign_in.html", problem=UNKNOWN)
    response = redirect(url_for("ui.listing_endpoints"), 303)
    response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", secure=request.is_secure)
    return response


def sign_out(session: Session) -> ResponseReturnValue:
    """Forget the token."""
    response = redirect(url_for("ui.listing_endpoints"), 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", secure=request.is_secure)
    return response
