"""The target: where it is, who asks, and where the credential came from. The credential never leaves the process."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit


class TargetError(Exception):
    """The target cannot be used as it was named; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A base URL and the headers that authenticate. ``secrets`` must not appear in anything that is written."""

    url: str
    authorization: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())
    stranger: str = field(repr=False, default="")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def token(self) -> str:
        """The bare token, for HTTP Basic."""
        return self.authorization.removeprefix("Bearer ")

    def headers_for(self, identity: str) -> Mapping[str, str]:
        """The headers with which an identity asks. ``nobody`` sends no credential, ``wrong`` one that cannot be valid,
        ``other`` brings its own."""
        match identity:
            case "caller":
                return {"Authorization": self.authorization}
            case "nobody" | "other":
                return {}
            case "wrong":
                return {"Authorization": "Bearer dapi00000000000000000000000000000000-not-a-token"}
            case "basic":
                pair = base64.b64encode(f"token:{self.token}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
            case "stranger" if self.stranger:
                return {"Authorization": f"Bearer {self.stranger}"}
        raise ValueError(f"no identity {identity!r}")


def find_target(
    url: str | None, token: str | None = None, profile: str | None = None, stranger: str | None = None
) -> Target:
    """The target named by the command line, the environment or databricks-sdk's own configuration chain.

    Raises ``TargetError`` when no usable URL or no credential can be found.
    """
    address = url or os.environ.get("DATABRICKS_HOST", "")
    if token:
        return _target(address, f"Bearer {token}", stranger)
    if not profile and (found := os.environ.get("DATABRICKS_TOKEN")):
        return _target(address, f"Bearer {found}", stranger)
    if address:
        _reach(_base_url(address))
    return _from_sdk(address, profile, stranger)


def _reach(url: str) -> None:
    """See that somebody listens, before databricks-sdk looks for five minutes.

    Raises:
        TargetError: nobody does.
    """
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]), 10).close()
    except OSError as problem:
        raise TargetError(f"{url} cannot be reached: {problem}") from None


def _target(address: str, authorization: str, stranger: str | None) -> Target:
    secrets = {authorization.partition(" ")[2], stranger or ""}
    kept = tuple(sorted(secret for secret in secrets if secret))
    return Target(_base_url(address), authorization, kept, stranger or "")


def _base_url(address: str) -> str:
    if not address:
        raise TargetError("no target: give a URL or set DATABRICKS_HOST")
    if "://" not in address:
        address = f"https://{address}"
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        raise TargetError(f"{address!r} has no usable port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"{address!r} is not an http or https URL")
    if parts.username or parts.password:
        raise TargetError("put the credential in --token or DATABRICKS_TOKEN, not in the URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _from_sdk(address: str, profile: str | None, stranger: str | None) -> Target:
    try:
        from databricks.sdk.core import Config
    except ImportError:
        raise TargetError(
            "no credential: give --token, set DATABRICKS_TOKEN, or install databricks-sdk for profiles and M2M"
        ) from None
    try:
        config = Config(host=address or None, profile=profile)
        headers = config.authenticate()
    except (ValueError, OSError) as problem:
        raise TargetError(f"databricks-sdk finds no credential: {problem}") from problem
    authorization = headers.get("Authorization", "")
    if not authorization:
        raise TargetError(f"databricks-sdk's {config.auth_type} gives no Authorization header")
    return _target(address or config.host or "", authorization, stranger)
