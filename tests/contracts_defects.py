"""Planted defects: thin WSGI layers over the mock, each of which breaks one law of the contract.

`python tests/contracts_defects.py serve NAME` puts one on a socket, `list` prints them; `serve clean` has none.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parent.parent))

import contracts_defects_edges as edges
import contracts_defects_keeping as keeping
import contracts_defects_lifecycle as lifecycle
import contracts_defects_memory as memory
import contracts_defects_queries as queries
import contracts_defects_rules as rules
import contracts_defects_shape as shape
import contracts_defects_streams as streams
from contracts_planting import DEFECTS, Case, Defect, Tampered
from werkzeug.serving import WSGIRequestHandler, make_server

from mockserver.app import create_app
from mockserver.core import Mock
from mockserver.server import warm_up
from mockserver.settings import Settings

__all__ = ["DEFECTS", "FAMILIES", "Case", "Defect", "Server"]
FAMILIES = (edges, keeping, lifecycle, memory, queries, rules, shape, streams)
"""The modules that plant the defects when they are imported."""


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any, **__: Any) -> None: ...


class Server:
    """The mock with a defect (or none) on a socket."""

    def __init__(self, planted: Defect | None, settings: Settings | None = None) -> None:
        mock = Mock(settings or Settings())
        warm_up(mock)  # the harness in this process would make the first query look slow
        app = Tampered(create_app(mock), planted)
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Server:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


if __name__ == "__main__":
    command, *names = sys.argv[1:] or ["list"]
    if command == "list":
        print(
            json.dumps([{"name": each.name, "law": each.law, "journeys": each.journeys} for each in DEFECTS.values()])
        )
    else:
        with Server(None if names[0] == "clean" else DEFECTS[names[0]]) as running:
            print(running.url, flush=True)
            running.thread.join()
