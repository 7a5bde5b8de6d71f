"""The command ``serving-mock``, also ``python -m mockserver``."""

from __future__ import annotations

import ipaddress
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import Field, fields
from types import FrameType
from typing import Any, TypeVar, get_args

import click

from . import __version__
from .settings import ENVIRONMENT_PREFIX, EntitiesRule, LogLevel, SettingError, Settings, from_environment

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_options(command: Command) -> Command:
    """One option for each field of Settings, so that the command line cannot fall behind them."""
    for spec in reversed(fields(Settings)):
        command = click.option(f"--{spec.name.replace('_', '-')}", spec.name, **_option(spec))(command)
    return command


def _option(spec: Field[Any]) -> dict[str, Any]:
    option: dict[str, Any] = {"help": f"{spec.metadata['help']} [{ENVIRONMENT_PREFIX}{spec.name.upper()}]"}
    annotation = str(spec.type)
    choices = {"LogLevel": get_args(LogLevel), "EntitiesRule": get_args(EntitiesRule)}.get(annotation)
    if choices:
        option |= {"type": click.Choice(choices)}
    elif annotation.startswith("int"):
        option |= {"type": int}
    elif annotation.startswith("float"):
        option |= {"type": float}
    elif annotation.startswith("bool"):
        option |= {"is_flag": True, "default": None}
    elif annotation.startswith("tuple"):
        option |= {"multiple": True}
    if spec.default not in (None, (), False):
        option["help"] += f" [default: {spec.default}]"
    return option


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="serving-mock")
def main() -> None:
    """A local fake of Databricks Model Serving."""


@main.command()
@setting_options
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    help="processes that answer; more than one share the store, a temporary one unless --store names it [default: 1]",
)
def serve(workers: int, **given: Any) -> None:
    """Answer as a workspace's Model Serving API would."""
    stopping = _Stopping()
    chosen = {name: value for name, value in given.items() if value is not None and value != ()}
    try:
        settings = from_environment(**chosen)
    except SettingError as problem:
        raise click.UsageError(str(problem)) from None
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    _run(settings, workers, stopping)


STOPPING = (signal.SIGINT, signal.SIGTERM)
"""The signals that end the command."""

LONGEST_STOP = 5.0
"""Seconds after which the command ends, whatever hinders it."""


class _Stopping:
    """The end of the command, from the first signal for it; those that follow are ignored."""

    def __init__(self) -> None:
        self.asked = False
        self.server: Any = None
        """What has to be stopped; ``None`` while nothing has been made that would stay behind."""
        for number in STOPPING:
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        for each in STOPPING:  # another one in the midst of stopping would wait for itself
            signal.signal(each, signal.SIG_IGN)
        self.asked = True
        limit = threading.Timer(LONGEST_STOP, os._exit, [0])
        limit.daemon = True
        limit.start()
        if self.server is None or not self.server.stop():
            os._exit(0)  # the interpreter's own end might wait for a thread that is still at work


def _run(settings: Settings, workers: int, stopping: _Stopping) -> None:
    from .listening import ListenError
    from .snapshot import StateError
    from .store import StoreError

    try:
        server = _started(settings, workers, stopping)
    except (ListenError, StateError, StoreError, ChildProcessError) as problem:
        raise click.UsageError(str(problem)) from None
    if not stopping.asked:
        _announce(server.url, settings)
    server.wait()


def _started(settings: Settings, workers: int, stopping: _Stopping) -> Any:
    if workers == 1:
        from .server import MockServer, tune

        stopping.server = server = MockServer(settings).start()
        tune()
        return server
    from .workers import Workers

    stopping.server = Workers(settings, workers)
    return stopping.server.start()


def _announce(url: str, settings: Settings) -> None:
    if not _is_loopback(settings.host):
        click.echo(
            f"Warning: listening on {settings.host}, so everybody who can reach this machine can use this mock.",
            err=True,
        )
    token = settings.token[0] if settings.token else "dapi-mock"
    click.echo(f"Serving endpoints mock: {url}")
    click.echo(f"Contract:               {url}/openapi.json")
    click.echo(f"export DATABRICKS_HOST={url} DATABRICKS_TOKEN={shlex.quote(token)}")
    click.echo("Ready. Stop it with Ctrl-C.")
    sys.stdout.flush()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    main()
