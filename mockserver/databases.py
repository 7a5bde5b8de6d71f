"""The databases that can hold the state: how each is opened, looked at and found sound.

A database gives three engines. What is committed through ``durable`` is on the disk. What is committed through
``quick`` survives the end of this process but perhaps not that of the database's machine, which is enough for what is
counted. Through ``single`` go statements that stand for themselves, in no transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, Literal
from urllib.parse import quote

import orjson

from .codec import CodecError, decode
from .records import KEPT
from .store import StoreError

try:
    import sqlalchemy as sql
    from sqlalchemy.engine import URL, Connection, Engine, make_url
except ImportError as problem:  # pragma: no cover - the extra is not installed
    raise StoreError(
        f"--store and --workers need the extra 'store' ({problem}): pip install 'serving-endpoints-mock[store]'"
    ) from None

from . import sql_tables as tables

BUSY = 30
"""Seconds that whoever waits for another process, or for a connection, goes on waiting."""

EXAMPLES = "write sqlite:///mock.db or postgresql://user:password@host/database"
CONNECTIONS = 4
"""Connections of a process to PostgreSQL by each engine: eight processes fit into its usual hundred."""

CREATION = 7_305_802_113
"""The number of the advisory lock under which the tables are made."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that has been opened.

    ``writing`` is held by whoever writes, where only one can; ``appends_at_once`` says whether one statement can number
    a line of a log and write it.
    """

    durable: Engine
    quick: Engine
    single: Engine
    writing: AbstractContextManager[Any]
    appends_at_once: bool

    def close(self) -> None:
        """Close the connections."""
        for engine in (self.durable, self.quick, self.single):
            engine.dispose()


def opened(url: str) -> Database:
    """The database at this URL, with its tables in it.

    Raises:
        StoreError: it cannot be used: it cannot be reached, is damaged, somebody else's, or written by a newer version.
            The text names the place, and never the password; nothing in it has been changed.
    """
    parsed = _parsed(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (sql.exc.ArgumentError, ValueError):
        shown = f"{url.partition(':')[0]}:..." if "@" in url else url
        raise StoreError(f"store {shown!r} is not a database URL: {EXAMPLES}") from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"store {backend!r} is not supported: {EXAMPLES}")
    if backend == "sqlite" and (not parsed.database or parsed.database == ":memory:"):
        raise StoreError(f"store {url!r} names no file: write sqlite:///mock.db")
    return parsed


def _create_tables(connection: Connection) -> None:
    tables.metadata.create_all(connection)
    connection.execute(sql.insert(tables.about).values(format=tables.FORMAT, processes=0))


def _check_format(found: object, shown: str) -> None:
    if not isinstance(found, int):
        raise StoreError(f"{shown}: is damaged: the table {tables.about.name} does not say its format")
    if found > tables.FORMAT:
        raise StoreError(f"{shown}: was written by a newer version: format {found}, this version reads {tables.FORMAT}")
    if found < tables.FORMAT:
        raise StoreError(
            f"{shown}: was written by an older version: format {found}, this version reads {tables.FORMAT}; export its "
            "state with the version that wrote it and start with a new database"
        )


def _is_ours(names: set[str], shown: str) -> bool:
    """Whether the tables are there; ``False`` when there are none at all."""
    if not names:
        return False
    if tables.about.name not in names or tables.records.name not in names:
        raise StoreError(
            f"{shown}: is another program's database: it has the tables {', '.join(sorted(names)[:5])}; give the mock "
            "a database of its own"
        )
    return True


def _postgresql(parsed: URL) -> Database:
    """PostgreSQL through psycopg. The server's own words say why it cannot be reached."""
    shown = f"{parsed.database or parsed.username} at {parsed.host or 'this machine'}:{parsed.port or 5432}"
    try:
        import psycopg
    except ImportError as problem:
        raise StoreError(
            f"a store in PostgreSQL needs psycopg ({problem}): pip install 'serving-endpoints-mock[store]'"
        ) from None

    def engine(synchronous: str, isolation: Literal["READ COMMITTED", "AUTOCOMMIT"] = "READ COMMITTED") -> Engine:
        made = sql.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=CONNECTIONS, max_overflow=0, pool_timeout=BUSY, hide_parameters=True,
            pool_pre_ping=synchronous == "on", isolation_level=isolation, connect_args={"connect_timeout": 10},
        )  # fmt: skip

        @sql.event.listens_for(made, "connect")
        def configure(connection: psycopg.Connection[Any], record: object) -> None:
            connection.execute(f"SET synchronous_commit TO {synchronous}")
            connection.execute("SET idle_in_transaction_session_timeout TO '60s'")
            connection.commit()

        return made

    database = Database(engine("on"), engine("off"), engine("off", "AUTOCOMMIT"), nullcontext(), True)
    try:
        with database.durable.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({CREATION})")
            if _is_ours(set(sql.inspect(connection).get_table_names()), shown):
                _check_format(connection.execute(sql.select(tables.about.c.format)).scalar(), shown)
            else:
                _create_tables(connection)
    except StoreError:
        database.close()
        raise
    except (sql.exc.SQLAlchemyError, psycopg.Error) as problem:
        database.close()
        words = " ".join(str(getattr(problem, "orig", None) or problem).split())
        for secret in (parsed.password, parsed.query.get("password")):
            words = words.replace(str(secret), "***") if secret else words
        raise StoreError(f"{shown}: cannot be used: {words}. Is the server running, and is the URL right?") from None
    return database


def _sqlite(parsed: URL) -> Database:
    """An SQLite file that has been looked at and found sound, or does not exist yet."""
    path = Path(str(parsed.database)).absolute()
    if path.exists() and path.stat().st_size:
        _check(path)
    elif not path.parent.is_dir():
        raise StoreError(f"{path}: there is no folder {path.parent}")
    else:
        _create(path)

    def engine(synchronous: str) -> Engine:
        made = sql.create_engine(
            parsed.set(database=str(path)),
            pool_size=8, max_overflow=64, hide_parameters=True,
            # Without an isolation level the driver begins no transactions of its own.
            connect_args={"timeout": BUSY, "isolation_level": None},
        )  # fmt: skip

        @sql.event.listens_for(made, "connect")
        def configure(connection: sqlite3.Connection, record: object) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={synchronous}")

        @sql.event.listens_for(made, "begin")
        def begin(connection: Connection) -> None:
            if not connection.get_execution_options().get("single"):
                connection.exec_driver_sql("BEGIN IMMEDIATE")

        return made

    quick = engine("NORMAL")
    database = Database(engine("FULL"), quick, quick.execution_options(single=True), RLock(), False)
    with database.durable.begin() as connection:
        if not sql.inspect(connection).has_table(tables.about.name):
            _create_tables(connection)
    return database


def _create(path: Path) -> None:
    """An empty file that only its owner may read: the records hold what clients sent, secrets included."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as problem:
        raise StoreError(f"{path}: cannot be created: {problem.strerror}") from None


def _check(path: Path) -> None:
    """Read the whole file without changing it. Raises StoreError naming the place where it is not what it should be."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY)
    except sqlite3.Error as problem:
        raise StoreError(f"{path}: cannot be opened: {problem}") from None
    try:
        _check_content(path, connection.execute)
    except sqlite3.DatabaseError as problem:
        raise StoreError(f"{path}: is damaged or not an SQLite database: {problem}") from None
    finally:
        connection.close()


def _check_content(path: Path, execute: Callable[[str], sqlite3.Cursor]) -> None:
    verdict = execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(f"{path}: is damaged: {' '.join(verdict.split())}")
    names = {name for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not _is_ours(names, str(path)):
        return
    row = execute(f"SELECT format FROM {tables.about.name}").fetchone()
    _check_format(row[0] if row else None, str(path))
    for workspace, kind, key, document in execute("SELECT workspace, kind, key, document FROM records"):
        where = f"{kind} {key!r} of workspace {workspace!r}"
        if kind not in KEPT:
            raise StoreError(f"{path}: {where}: there is no such kind of record; was it written by a newer version?")
        try:
            decode(KEPT[kind], orjson.loads(document))
        except (CodecError, orjson.JSONDecodeError, TypeError) as problem:
            raise StoreError(f"{path}: {where}: {problem}") from None
