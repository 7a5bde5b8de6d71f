"""The refusal of a rule, before it becomes an HTTP answer."""

from __future__ import annotations


class Refusal(Exception):
    """A rule was broken. ``status`` and ``code`` are the API's; ``message`` names field, value and remedy."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def invalid(message: str) -> Refusal:
    """A value that breaks a rule: 400 INVALID_PARAMETER_VALUE."""
    return Refusal(400, "INVALID_PARAMETER_VALUE", message)


def bad_request(message: str) -> Refusal:
    """A request that cannot be served as it stands: 400 BAD_REQUEST."""
    return Refusal(400, "BAD_REQUEST", message)


def conflict(message: str) -> Refusal:
    """A request that the endpoint's present state forbids: 409 RESOURCE_CONFLICT."""
    return Refusal(409, "RESOURCE_CONFLICT", message)
