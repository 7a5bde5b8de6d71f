"""The contract, browsable without a connection to anywhere."""

from __future__ import annotations

from flask import Response
from flask.typing import ResponseReturnValue

from ..settings import DEVELOPMENT_TOKEN
from .guard import WITH_INLINE_STYLE
from .rendering import page
from .session import Session


def form(session: Session) -> ResponseReturnValue:
    """The page."""
    token = session.token if session.token.startswith(DEVELOPMENT_TOKEN) else ""
    response = Response(page("docs.html", token=token))
    response.headers["Content-Security-Policy"] = WITH_INLINE_STYLE
    return response
