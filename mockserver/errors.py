"""The refusals of the API. Raise one anywhere; ``core`` answers it once.

ApiError                        status  error_code
  BadRequest                    400     BAD_REQUEST
    InvalidParameterValue       400     INVALID_PARAMETER_VALUE
    MalformedRequest            400     MALFORMED_REQUEST
  Unauthenticated               401     401 (an integer, as the service does)
  InvalidAccessToken            403     403 (an integer, as the service does)
  PermissionDenied              403     PERMISSION_DENIED
  ResourceDoesNotExist          404     RESOURCE_DOES_NOT_EXIST
  EndpointNotFound              404     ENDPOINT_NOT_FOUND
  MethodNotAllowed              405     ENDPOINT_NOT_FOUND
  ResourceConflict              409     RESOURCE_CONFLICT
    ResourceAlreadyExists       409     RESOURCE_ALREADY_EXISTS
  PayloadTooLarge               413     BAD_REQUEST
  UnsupportedMediaType          415     BAD_REQUEST
  RequestLimitExceeded          429     REQUEST_LIMIT_EXCEEDED
  InternalError                 500     INTERNAL_ERROR (a bug of the mock, never an answer to bad input)
  StoreUnavailable              503     TEMPORARILY_UNAVAILABLE (the database that keeps the state fails)
  InjectedError                 any     any (asked for by a fault or a scripted reply, never decided by the mock)
"""

from __future__ import annotations

from collections.abc import Mapping

from .domain.refusals import Refusal
from .messages import Json, Reply


class ApiError(Exception):
    """A refusal: ``message`` says what was wrong, with the value, and what would have been accepted."""

    status = 500
    code: str | int = "INTERNAL_ERROR"
    detailed = False
    """Whether the body carries ``details`` with the request id (the control plane's 403 and 404 do)."""

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> Json:
        """The error envelope of the API."""
        envelope: dict[str, Json] = {"error_code": self.code, "message": self.message}
        if self.detailed:
            envelope["details"] = [
                {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": request_id, "serving_data": ""}
            ]
        return envelope

    def reply(self, request_id: str) -> Reply:
        """The refusal as an answer."""
        return Reply(self.status, self.body(request_id), self.headers)


class BadRequest(ApiError):
    status, code = 400, "BAD_REQUEST"


class InvalidParameterValue(BadRequest):
    status, code = 400, "INVALID_PARAMETER_VALUE"


class MalformedRequest(BadRequest):
    status, code = 400, "MALFORMED_REQUEST"


class Unauthenticated(ApiError):
    status, code = 401, 401

    def __init__(self) -> None:
        super().__init__(
            "Credential was not sent or was of an unsupported type for this API.",
            {"WWW-Authenticate": 'Bearer realm="DatabricksRealm"'},
        )


class InvalidAccessToken(ApiError):
    status, code = 403, 403

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"Invalid access token. [ReqId: {request_id}]", {"X-Databricks-Reason-Phrase": "Invalid access token."}
        )


class OAuthError(ApiError):
    """A refusal of the token endpoint, which has OAuth's own body (RFC 6749, section 5.2)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message, {"Cache-Control": "no-store"})
        self.status, self.code = status, code

    def body(self, request_id: str) -> Json:
        return {"error": self.code, "error_description": self.message}


class PermissionDenied(ApiError):
    status, code, detailed = 403, "PERMISSION_DENIED", True


class ResourceDoesNotExist(ApiError):
    status, code, detailed = 404, "RESOURCE_DOES_NOT_EXIST", True


class EndpointNotFound(ApiError):
    status, code = 404, "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(ApiError):
    status, code = 405, "ENDPOINT_NOT_FOUND"


class ResourceConflict(ApiError):
    status, code = 409, "RESOURCE_CONFLICT"


class ResourceAlreadyExists(ResourceConflict):
    status, code = 409, "RESOURCE_ALREADY_EXISTS"


class PayloadTooLarge(ApiError):
    status, code = 413, "BAD_REQUEST"


class UnsupportedMediaType(ApiError):
    status, code = 415, "BAD_REQUEST"


class RequestLimitExceeded(ApiError):
    status, code = 429, "REQUEST_LIMIT_EXCEEDED"


class InternalError(ApiError):
    status, code = 500, "INTERNAL_ERROR"


class StoreUnavailable(ApiError):
    status, code = 503, "TEMPORARILY_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The mock's store cannot be used at the moment; the mock's log says why.")


class InjectedError(ApiError):
    """An error that a test asked for. It is answered as it is, also where the contract knows no such answer.

    Args:
        status: the HTTP status.
        error_code: the envelope's code; made from the status when absent.
        message: the envelope's message.
        retry_after: seconds for a ``Retry-After`` header.
        body: a whole body instead of the envelope.
    """

    def __init__(
        self,
        status: int = 500,
        error_code: str | int | None = None,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json = None,
    ) -> None:
        waiting = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        super().__init__(message or f"This {status} was injected by a test.", {**waiting, **(headers or {})})
        self.status = status
        usual = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
        self.code = usual if error_code is None else error_code
        self.injected_body = body

    def body(self, request_id: str) -> Json:
        return super().body(request_id) if self.injected_body is None else self.injected_body


_CODES: dict[int, str | int] = {
    400: "BAD_REQUEST",
    401: 401,
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The error code that usually comes with a status."""


_BY_CODE: dict[tuple[int, str | int], type[ApiError]] = {
    (kind.status, kind.code): kind
    for kind in (
        BadRequest, InvalidParameterValue, MalformedRequest, PermissionDenied, ResourceDoesNotExist, EndpointNotFound,
        ResourceConflict, ResourceAlreadyExists, PayloadTooLarge, UnsupportedMediaType, RequestLimitExceeded,
    )
}  # fmt: skip


def bad_value(code: str | None) -> type[ApiError]:
    """The 400 for a value that breaks the contract, which may name the code."""
    return InvalidParameterValue if code is None else _BY_CODE[400, code]


def from_refusal(refusal: Refusal) -> ApiError:
    """The API's error for a rule of the domain that was broken."""
    return _BY_CODE[refusal.status, refusal.code](refusal.message)


def let_go(refusal: BaseException | None) -> None:
    """Forget through what a refusal came: calls that know it themselves, and would hold the request's body together
    with it until garbage is collected.
    """
    while refusal is not None:
        refusal.__traceback__, refusal = None, refusal.__context__
