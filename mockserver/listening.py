"""A socket that listens, or one sentence that says why it cannot."""

from __future__ import annotations

import socket

BACKLOG = 1024
"""Connections that may wait to be accepted."""


class ListenError(OSError):
    """The address cannot be listened on; the text says why and what to do."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 picks a free one. Raises ListenError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise ListenError(f"host {host!r} is not an address of this machine: try 127.0.0.1") from None
    listener = socket.socket(family, kind, protocol)  # asyncio sends at once only where the protocol says TCP
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as problem:
        listener.close()
        raise ListenError(_why_not(host, port, problem)) from None
    listener.listen(BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL of what listens there."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why_not(host: str, port: int, problem: OSError) -> str:
    reason = (problem.strerror or str(problem)).lower()
    if "in use" in reason:
        return f"port {port} on {host} is in use: choose another with --port, or --port 0 for a free one"
    if "permission" in reason:
        return f"port {port} needs more rights than this user has: choose one above 1023 with --port"
    if "assign" in reason:
        return f"host {host!r} is not an address of this machine: try 127.0.0.1"
    return f"cannot listen on {host}:{port}: {reason}"
