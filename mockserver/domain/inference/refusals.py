"""The exception with which a served model says no."""

from __future__ import annotations

from .. import refusals


class Refusal(refusals.Refusal):
    """A request that the served model does not answer.

    ``error_code`` is None for the refusals that MLflow's scoring server sends as plain text; ``stack_trace`` is sent
    beside the message by custom models whose code failed.
    """

    def __init__(self, status: int, error_code: str | None, message: str, stack_trace: str | None = None) -> None:
        super().__init__(status, error_code or "", message)
        self.error_code = error_code
        self.stack_trace = stack_trace


def bad_request(message: str) -> Refusal:
    """A request that the model cannot serve as it stands: 400 BAD_REQUEST."""
    return Refusal(400, "BAD_REQUEST", message)


def invalid_parameter(message: str) -> Refusal:
    """A parameter with a value that the model does not take: 400 INVALID_PARAMETER_VALUE."""
    return Refusal(400, "INVALID_PARAMETER_VALUE", message)
