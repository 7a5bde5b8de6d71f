"""The only module that opens connections to the target: one request out, one complete reply (or a reason) back."""

from __future__ import annotations

import itertools
import os
import time
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from requests.utils import get_environ_proxies, select_proxy

from .exchange import Asked, Exchange
from .target import Target

LARGEST_REPLY = 64 * 1024 * 1024
_NUMBERS = itertools.count(1)


class Wire:
    """Connections to one target and to nothing else: no redirects are followed, nothing is repeated."""

    def __init__(self, target: Target, timeout: float, connections: int = 64) -> None:
        self.target = target
        self._timeout = urllib3.Timeout(connect=min(10.0, timeout), read=timeout)
        options: dict[str, Any] = {"maxsize": connections, "block": False, "retries": False}
        if target.url.startswith("https"):
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or certifi.where()
            options |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": bundle}
        proxy = None if target.is_loopback else select_proxy(target.url, get_environ_proxies(target.url))
        manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        self._pool = manager.connection_from_url(target.url)
        self._host = urlsplit(target.url).netloc

    def send(self, asked: Asked) -> Exchange:
        """Send the request as it is and read the whole reply. Never raises for what the target does."""
        number = next(_NUMBERS)
        sent_at, begun = time.time(), time.perf_counter()
        status: int = 0
        headers: tuple[tuple[str, str], ...] = ()
        parts: list[bytes] = []
        pieces: list[tuple[float, int]] = []
        failure = ""
        try:
            reply = self._pool.urlopen(
                asked.method,
                asked.path,
                body=asked.body,
                headers={"Accept-Encoding": "identity", **asked.headers},
                timeout=self._timeout,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            headers = tuple(reply.headers.iteritems())
            size = 0
            while piece := reply.read1(65536):
                pieces.append((time.perf_counter() - begun, len(piece)))
                parts.append(piece)
                size += len(piece)
                if size > LARGEST_REPLY:
                    raise urllib3.exceptions.HTTPError(f"the reply is longer than {LARGEST_REPLY} bytes")
            status = reply.status
            reply.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
            failure = f"{type(problem).__name__}: {problem}"
        seconds = time.perf_counter() - begun
        body = b"".join(parts)
        return Exchange(
            number, asked, sent_at, sent_at + seconds, seconds, status, headers, body, tuple(pieces), failure
        )
