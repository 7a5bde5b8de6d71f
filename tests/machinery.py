"""Real PostgreSQL, nginx and replica processes for the tests: each is started on a free port and stopped again."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "s3cret-p4ssword"
REQUIRED = "SERVING_MOCK_REQUIRE_POSTGRESQL"
"""The environment variable that turns a missing program into a failure."""


def program(name: str, *folders: str) -> str:
    """Where a program is. Skips the test when it is not installed, or fails it where it has to be."""
    found = shutil.which(name) or next(
        (path for folder in folders for path in sorted(glob.glob(f"{folder}/{name}"), reverse=True)), None
    )
    if found is None:
        problem = f"{name} is not installed (Debian: apt-get install postgresql nginx-light)"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(problem)
        pytest.skip(problem)
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Cluster:
    """A PostgreSQL server of its own, which each ``url`` gives a fresh database of."""

    def __init__(self, port: int, owner: dict[str, str | int | list[int]], folder: Path) -> None:
        self.port, self._owner, self._folder, self._databases = port, owner, folder, 0

    def url(self, name: str | None = None) -> str:
        """The URL of a new database."""
        self._databases += 1
        name = name or f"mock{self._databases}"
        self.run(f'CREATE DATABASE "{name}"')
        return f"postgresql://mock:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def run(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        where = f"host=127.0.0.1 port={self.port} user=mock password={PASSWORD} dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement)

    def control(self, *arguments: str) -> None:
        """Run pg_ctl on the cluster."""
        command = [program("pg_ctl", "/usr/lib/postgresql/*/bin"), "-D", str(self._folder / "data"), "-w"]
        with (self._folder / "log").open("a") as log:
            subprocess.run([*command, *arguments], check=True, stdout=log, stderr=log, timeout=60, **self._owner)  # type: ignore[call-overload]  # user and group

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
        self.control("start", "-o", options)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL server, which refuses to run as root: then as its own user, or as nobody."""
    initdb = program("initdb", "/usr/lib/postgresql/*/bin")
    owner: dict[str, str | int | list[int]] = {}
    if os.geteuid() == 0:
        import pwd

        names = {entry.pw_name for entry in pwd.getpwall()}
        account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="serving-mock-postgresql-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        (folder / "log").touch()
        if owner:
            for path in (folder, folder / "password", folder / "log"):
                os.chown(path, int(str(owner["user"])), int(str(owner["group"])))
        command = [initdb, "-D", str(folder / "data"), "-U", "mock", "-A", "scram-sha-256", "-E", "UTF8",
                   "--no-sync", "--pwfile", str(folder / "password")]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd=folder, **owner)  # type: ignore[call-overload]  # user and group
        running = Cluster(free_port(), owner, folder)
        running.start()
        try:
            yield running
        finally:
            running.control("stop", "-m", "immediate")


class Replica:
    """One process of the mock, in memory without a store."""

    def __init__(self, store: str | None, *options: str) -> None:
        kept = [] if store is None else ["--store", store]
        command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--log-level", "error", *kept, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.url = ""

    def wait(self) -> None:
        """Return when it answers."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Serving endpoints mock:"):
                self.url = line.split()[-1]
                return
        raise AssertionError(f"the replica did not start: {''.join(lines)}")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def replicas(count: int, store: str, *options: str) -> Iterator[list[Replica]]:
    """So many processes on one store."""
    running: list[Replica] = []
    try:
        for _ in range(count):
            running.append(Replica(store, *options))
        for replica in running:
            replica.wait()
        yield running
    finally:
        for replica in running:
            replica.stop()
        for replica in running:
            replica.end()


def balancer_text(ports: list[int], port: int) -> str:
    """The README's nginx configuration, for these replicas and this port."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    found = re.search(r"```nginx\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    text = re.sub(
        r"(?m)^( *)server replica1:8080;\n(?: *server replica\d:8080;\n)*",
        lambda match: "".join(f"{match[1]}server 127.0.0.1:{number};\n" for number in ports),
        found[1],
    )
    assert text.count("127.0.0.1:") == len(ports)
    text, listening = re.subn(r"listen 8080;", f"listen 127.0.0.1:{port};", text)
    assert listening == 1
    return text


@contextlib.contextmanager
def balancer(ports: list[int]) -> Iterator[str]:
    """nginx with the README's configuration in front of these ports; its URL."""
    nginx = program("nginx", "/usr/sbin", "/usr/local/sbin")
    with tempfile.TemporaryDirectory(prefix="serving-mock-nginx-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        temporary = "".join(
            f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = balancer_text(ports, port).replace("http {\n", f"http {{\n    access_log off;\n{temporary}", 1)
        head = f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        (folder / "nginx.conf").write_text(head + text)
        process = subprocess.Popen(
            [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        )
        try:
            _wait_for(port, process, folder / "error.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nginx did not start: {log.read_text() if log.exists() else 'it wrote no log'}")
