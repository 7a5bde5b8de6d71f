"""The contract, browsable without a connection to anywhere."""

from __future__ import annotations

from ..settings import DEVELOPMENT_TOKEN
from .rendering import page
from .session import Session


def form(session: Session) -> str:
    """The page."""
    token = session.token if session.token.startswith(DEVELOPMENT_TOKEN) else ""
    return page("docs.html", token=token)
