"""What a page may do: reads and changes in the name of whoever looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from .. import control
from ..control_operations import control_spec
from ..delivery import Disturbed
from ..errors import Unauthenticated
from ..handlers import HANDLERS, Handler
from ..messages import JSON_MEDIA_TYPE, Call, Json, Listing, Reply, Request, Stream

if TYPE_CHECKING:
    from openapi import Operation

    from ..auth import Identity
    from ..core import Mock


@dataclass(frozen=True, slots=True)
class Session:
    """One request to the pages. ``identity`` is ``None`` on the sign-in page only."""

    mock: Mock
    identity: Identity | None
    token: str
    base_url: str
    signed_in: bool
    client: str | None = None
    control_token: str = ""

    @property
    def user(self) -> Identity:
        """Who looks at the page.

        Raises:
            Unauthenticated: nobody is signed in.
        """
        if self.identity is None:
            raise Unauthenticated
        return self.identity

    @property
    def workspace(self) -> Mock:
        """The mock as the user's workspace has it."""
        return self.mock.of(self.user.workspace)

    @property
    def now(self) -> int:
        """The moment on the workspace's clock."""
        return self.mock.clock_of(self.user.workspace).now()

    def read(self, operation_id: str, **parameters: str) -> Json:
        """What an operation of the contract answers to this user, without a trace in the journal.

        Pages look several times a second; what they show would drown what clients asked.

        Raises:
            ApiError: the operation is refused.
            Refusal: a rule of the domain refuses it.
        """
        call = self.call(operation_id, **parameters)
        answer = HANDLERS[operation_id](call)
        if isinstance(answer, Listing):
            answer = {answer.name: [*answer.items]}
        body = answer.body if isinstance(answer, Reply) else answer
        return call.operation.without_write_only(call.operation.success, body)

    def call(self, operation_id: str, **parameters: str) -> Call:
        """A read in the user's name, as a handler is given it."""
        operation = self.mock.spec.operations[operation_id]
        request = Request(operation.method, path_of(operation, parameters), {}, parameters, base_url=self.base_url)
        return Call(self.workspace, operation, request, self.user, None, self.now, "", {})

    def change(self, operation_id: str, body: Json = None, **parameters: str) -> Reply:
        """Ask for a change, through the same core as every client of the API."""
        return plain(self.ask(self.mock.spec.operations[operation_id], body, parameters))

    def ask(
        self,
        operation: Operation,
        body: Json,
        parameters: Mapping[str, str],
        handler: Handler | None = None,
        *,
        from_page: bool = False,
    ) -> Reply | Stream | Disturbed:
        """Put one request through the core. ``handler`` is for what is no operation of the API.

        With ``from_page`` a route-optimised endpoint is asked although the page has no token of its own for it.
        """
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        request = Request(
            operation.method,
            path_of(operation, parameters),
            {
                "authorization": f"Bearer {self.token}",
                "content-type": JSON_MEDIA_TYPE,
                "user-agent": "serving-mock-pages",
            },
            dict(parameters),
            body=raw,
            base_url=self.base_url,
            from_page=from_page,
        )
        return self.mock.respond(operation, request, handler)


class Control:
    """The simulation's controls, asked for as any client of the control plane asks, and refused alike."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(
        self,
        operation_id: str,
        body: Json = None,
        query: Mapping[str, str] | None = None,
        media_type: str = JSON_MEDIA_TYPE,
        **parameters: str,
    ) -> Reply:
        """Put one request to the control plane. ``body`` is sent as it is when it is bytes."""
        operation = control_spec().operations[operation_id]
        headers = {
            "authorization": f"Bearer {self._session.token}",
            "content-type": media_type,
            "host": self._session.base_url.partition("://")[2],
            **({control.TOKEN_HEADER: self._session.control_token} if self._session.control_token else {}),
        }
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        request = Request(operation.method, path_of(operation, parameters), headers, parameters, query or {}, raw)
        return control.respond(self._session.mock, operation, request, self._session.client)


def plain(answer: Reply | Stream | Disturbed) -> Reply:
    """The reply itself: a page is not where a disturbed delivery is to be seen, but a dropped one has no reply."""
    if isinstance(answer, Disturbed):
        return plain(answer.answer)
    if isinstance(answer, Stream):
        raise TypeError("the operation answers a stream")
    return answer


def path_of(operation: Operation, parameters: Mapping[str, str]) -> str:
    """The operation's path with its parameters in place."""
    path = operation.path
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


def message_of(reply: Reply) -> str | None:
    """What the API says of its refusal; ``None`` when it did what was asked."""
    if reply.status < 400:
        return None
    if isinstance(reply.body, dict):
        for name in ("message", "error_description", "error"):
            if isinstance(reply.body.get(name), str):
                return str(reply.body[name])
    return f"The request was answered with status {reply.status}."
