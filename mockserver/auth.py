"""Who is calling: a bearer token (or HTTP Basic ``token:PAT``) selects an identity and its workspace."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from .domain.permissions import ADMINS, Principal
from .errors import InvalidAccessToken, Unauthenticated
from .messages import Json
from .settings import DEVELOPMENT_TOKEN, Settings
from .store import Store

DEFAULT_WORKSPACE = "default"
EVERYBODY = "users"
TOKEN_LIFETIME = 3600
"""Seconds that an issued OAuth token is valid, by the machine's own clock: clients renew by theirs."""

MEMORABLE = 2048
"""Characters of a credential that is not read anew every time."""

REGISTRY = ""
"""The workspace name under which registered tokens are kept: they belong to the server, not to a workspace."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user or service principal, the workspace it works in, and whether it administers that workspace.

    ``name`` is the user name, or the application id of a service principal.
    """

    name: str
    display_name: str
    kind: Literal["User", "ServicePrincipal"] = "User"
    workspace: str = DEFAULT_WORKSPACE
    admin: bool = True
    groups: tuple[str, ...] = ()
    oauth: bool = False
    audience: str | None = None
    """The ``authorization_details`` a data-plane token was issued for; ``None`` for a control-plane token."""

    @property
    def principals(self) -> tuple[Principal, ...]:
        """Everything an access control list may call this identity."""
        own = Principal("user_name" if self.kind == "User" else "service_principal_name", self.name)
        groups = (*self.groups, EVERYBODY, *((ADMINS,) if self.admin else ()))
        return (own, *(Principal("group_name", group) for group in dict.fromkeys(groups)))


@dataclass(frozen=True, slots=True)
class RegisteredToken:
    """A token made at run time, and whom it stands for."""

    token: str
    identity: Identity


def identity_of(given: Mapping[str, Json]) -> Identity:
    """The identity described like a request for a token. Raises ValueError when it is nobody, or two."""
    user, application = given.get("user_name"), given.get("service_principal")
    if (user is None) == (application is None):
        raise ValueError("an identity has either a user_name or a service_principal")
    name = str(user or application)
    return Identity(
        name,
        given.get("display_name") or name.partition("@")[0].replace(".", " ").title(),
        "User" if user is not None else "ServicePrincipal",
        given["workspace"],
        bool(given.get("admin")),
        tuple(given.get("groups") or ()),
        oauth=bool(given.get("oauth")),
    )


class Authenticator:
    """Turns credentials into identities and issues OAuth tokens."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        key = f"{settings.client_id}\0{settings.client_secret}\0{settings.seed}"
        self._key = hashlib.sha256(key.encode()).digest()
        user = self._user(DEFAULT_WORKSPACE)
        self._known: dict[str, Identity] = dict.fromkeys((DEVELOPMENT_TOKEN, *settings.token), user)

    def identify(self, headers: Mapping[str, str], request_id: str) -> Identity:
        """The caller's identity.

        Raises:
            Unauthenticated: no credential, or one of another kind than Bearer and Basic.
            InvalidAccessToken: a token that nobody was given, or that has expired.
        """
        header = headers.get("authorization", "")
        token = _remembered(header) if len(header) <= MEMORABLE else _credential(header)
        if token is None:
            raise Unauthenticated
        identity = self.lookup(token)
        if identity is None:
            raise InvalidAccessToken(request_id)
        return identity

    def lookup(self, token: str) -> Identity | None:
        """Whom a token stands for; ``None`` when it is not valid."""
        known = self._known.get(token)
        if known is not None:
            return known
        registered = self._store.get(RegisteredToken, REGISTRY, token)
        if registered is not None:
            return registered.identity
        if token.startswith(DEVELOPMENT_TOKEN + "-") and len(token) > len(DEVELOPMENT_TOKEN) + 1:
            return self._user(token)
        return self._issued(token)

    def service_principal(self) -> Identity:
        """The service principal that the OAuth client credentials stand for."""
        return Identity(self._settings.client_id, "Mock service principal", "ServicePrincipal", admin=False, oauth=True)

    def administrator(self, workspace: str) -> Identity:
        """The user that the development tokens act as, in this workspace."""
        return self._user(workspace)

    def accepts_client(self, client_id: str, secret: str) -> bool:
        """Whether these are the service principal's credentials."""
        expected = f"{self._settings.client_id}:{self._settings.client_secret}".encode()
        return hmac.compare_digest(f"{client_id}:{secret}".encode(), expected)

    def issue(self, identity: Identity, audience: str | None = None) -> str:
        """A signed token for this identity, limited to ``audience`` when that is given."""
        claims: dict[str, Any] = {
            "sub": identity.name,
            "name": identity.display_name,
            "kind": identity.kind,
            "workspace": identity.workspace,
            "admin": identity.admin,
            "groups": list(identity.groups),
            "exp": int(time.time()) + TOKEN_LIFETIME,
        }
        if audience is not None:
            claims["authorization_details"] = audience
        head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        payload = _encoded(json.dumps(claims, separators=(",", ":")).encode())
        return f"{head}.{payload}.{self._signature(f'{head}.{payload}')}"

    def _issued(self, token: str) -> Identity | None:
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["exp"] < time.time():
            return None
        return Identity(
            claims["sub"],
            claims["name"],
            claims["kind"],
            claims["workspace"],
            claims["admin"],
            tuple(claims["groups"]),
            oauth=True,
            audience=claims.get("authorization_details"),
        )

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())

    def _user(self, workspace: str) -> Identity:
        name = self._settings.user_name
        return Identity(name, name.partition("@")[0].replace(".", " ").title(), workspace=workspace)


def _credential(header: str) -> str | None:
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic":
        user, _, password = _decoded(value).partition(":")
        return password if user == "token" and password else None
    return None


_remembered = lru_cache(maxsize=1024)(_credential)


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User and password of an HTTP Basic header; ``None`` when it is not one."""
    scheme, _, value = header.strip().partition(" ")
    user, colon, password = _decoded(value.strip()).partition(":") if scheme.lower() == "basic" else ("", "", "")
    return (user, password) if colon else None


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@lru_cache(maxsize=4096)
def workspace_id(workspace: str) -> str:
    """The numeric id of a workspace, as the service shows it in headers and URLs."""
    return str(int.from_bytes(hashlib.sha256(workspace.encode()).digest()[:6], "big") + 10**15)
