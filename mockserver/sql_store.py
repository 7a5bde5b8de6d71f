"""The state in a SQL database, through SQLAlchemy Core: what was acknowledged is on the disk.

Everything that only SQLite needs is in ``_sqlite``; another database takes a function of its own there.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import orjson

from .codec import CodecError, decode, encode
from .records import KEPT
from .store import StoreError, Transaction

try:
    import sqlalchemy as sql
    from sqlalchemy.engine import URL, Connection, Engine, make_url
except ImportError as problem:  # pragma: no cover - the extra is not installed
    raise StoreError(
        f"--store needs the extra 'store' ({problem}): pip install 'serving-endpoints-mock[store]'"
    ) from None

Record = TypeVar("Record")

FORMAT = 1
"""The version of the tables and of the records in them."""

BUSY = 30
"""Seconds that a writer waits for another process."""

_metadata = sql.MetaData()
_about = sql.Table("serving_mock", _metadata, sql.Column("format", sql.Integer, nullable=False))
_records = sql.Table(
    "records",
    _metadata,
    sql.Column("position", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("workspace", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("key", sql.Text, nullable=False),
    sql.Column("document", sql.Text, nullable=False),
    sql.UniqueConstraint("workspace", "kind", "key"),
)
_columns = _records.c
_place = (
    (_columns.workspace == sql.bindparam("at_workspace"))
    & (_columns.kind == sql.bindparam("at_kind"))
    & (_columns.key == sql.bindparam("at_key"))
)
_GET = sql.select(_columns.document).where(_place)
_ALL = (
    sql.select(_columns.key, _columns.document)
    .where((_columns.workspace == sql.bindparam("at_workspace")) & (_columns.kind == sql.bindparam("at_kind")))
    .order_by(_columns.position)
)
_REPLACE = sql.update(_records).where(_place).values(document=sql.bindparam("new_document"))
_DELETE = sql.delete(_records).where(_place)
_INSERT = sql.insert(_records)
_CLEAR = sql.delete(_records).where(_columns.workspace == sql.bindparam("at_workspace"))


class SqlStore:
    """The state of all workspaces in a database.

    Args:
        url: an SQLAlchemy URL, such as ``sqlite:///mock.db``.

    Raises:
        StoreError: the database cannot be used: it is damaged, somebody else's, or written by a newer version. The
            text names the place; nothing in it has been changed.
    """

    def __init__(self, url: str) -> None:
        self._engine = _sqlite(url)
        self._writing = threading.RLock()
        with self._engine.begin() as connection:
            if not sql.inspect(connection).has_table(_about.name):
                _metadata.create_all(connection)
                connection.execute(sql.insert(_about).values(format=FORMAT))

    def get(self, kind: type[Record], workspace: str, key: str) -> Record | None:
        with self._reading() as connection:
            return _got(connection, kind, workspace, key)

    def all(self, kind: type[Record], workspace: str) -> list[Record]:
        return [record for _, record in self.items(kind, workspace)]

    def items(self, kind: type[Record], workspace: str) -> list[tuple[str, Record]]:
        with self._reading() as connection:
            return _items(connection, kind, workspace)

    def workspaces(self) -> list[str]:
        names = sql.select(_columns.workspace).group_by(_columns.workspace).order_by(sql.func.min(_columns.position))
        with self._reading() as connection:
            return list(connection.execute(names).scalars())

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[Transaction]:
        with self._writing, self._engine.begin() as connection:
            yield _SqlTransaction(connection, workspace)

    def clear(self, workspace: str) -> None:
        with self._writing, self._engine.begin() as connection:
            connection.execute(_CLEAR, {"at_workspace": workspace})

    def close(self) -> None:
        self._engine.dispose()

    def _reading(self) -> Connection:
        return self._engine.connect().execution_options(reading=True)


class _SqlTransaction:
    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection, self._workspace = connection, workspace

    def get(self, kind: type[Record], key: str) -> Record | None:
        return _got(self._connection, kind, self._workspace, key)

    def all(self, kind: type[Record]) -> list[Record]:
        return [record for _, record in _items(self._connection, kind, self._workspace)]

    def put(self, key: str, record: object) -> None:
        place = _at(type(record), self._workspace, key)
        document = orjson.dumps(encode(record)).decode()
        if self._connection.execute(_REPLACE, {**place, "new_document": document}).rowcount == 0:
            row = {name.removeprefix("at_"): value for name, value in place.items()}
            self._connection.execute(_INSERT, {**row, "document": document})

    def delete(self, kind: type[object], key: str) -> None:
        self._connection.execute(_DELETE, _at(kind, self._workspace, key))


def _got(connection: Connection, kind: type[Record], workspace: str, key: str) -> Record | None:
    document = connection.execute(_GET, _at(kind, workspace, key)).scalar()
    return None if document is None else _decoded(kind, document)


def _items(connection: Connection, kind: type[Record], workspace: str) -> list[tuple[str, Record]]:
    rows = connection.execute(_ALL, {"at_workspace": workspace, "at_kind": kind.__name__})
    return [(key, _decoded(kind, document)) for key, document in rows]


def _at(kind: type, workspace: str, key: str) -> dict[str, Any]:
    return {"at_workspace": workspace, "at_kind": kind.__name__, "at_key": key}


def _decoded(kind: type[Record], document: str) -> Record:
    return cast(Record, _remembered(kind.__name__, document))


@lru_cache(maxsize=4096)
def _remembered(kind: str, document: str) -> object:
    """Records are frozen, so the same document may be the same record every time."""
    record: object = decode(KEPT[kind], orjson.loads(document))
    return record


def _sqlite(url: str) -> Engine:
    """An engine on an SQLite file that has been looked at and found sound, or does not exist yet."""
    parsed = _parsed(url)
    path = Path(str(parsed.database)).absolute()
    if path.exists() and path.stat().st_size:
        _check(path)
    elif not path.parent.is_dir():
        raise StoreError(f"{path}: there is no folder {path.parent}")
    else:
        _create(path)
    engine = sql.create_engine(
        parsed.set(database=str(path)), pool_size=8, max_overflow=64, connect_args={"timeout": BUSY}
    )

    @sql.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN below, instead of the driver's
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @sql.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("reading") is not True
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sql.exc.ArgumentError:
        raise StoreError(f"store {url!r} is not a database URL: write sqlite:///mock.db") from None
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"store {parsed.get_backend_name()!r} is not supported: write sqlite:///mock.db")
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError(f"store {url!r} names no file: write sqlite:///mock.db")
    return parsed


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
        _check_content(path, connection)
    except sqlite3.DatabaseError as problem:
        raise StoreError(f"{path}: is damaged or not an SQLite database: {problem}") from None
    finally:
        connection.close()


def _check_content(path: Path, connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(f"{path}: is damaged: {' '.join(verdict.split())}")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return
    if not {_about.name, _records.name} <= tables:
        raise StoreError(f"{path}: is another program's database: it has the tables {', '.join(sorted(tables))}")
    row = connection.execute(f"SELECT format FROM {_about.name}").fetchone()
    if row is None or not isinstance(row[0], int):
        raise StoreError(f"{path}: is damaged: the table {_about.name} does not say its format")
    if row[0] > FORMAT:
        raise StoreError(f"{path}: was written by a newer version: format {row[0]}, this version reads {FORMAT}")
    for workspace, kind, key, document in connection.execute("SELECT workspace, kind, key, document FROM records"):
        where = f"{kind} {key!r} of workspace {workspace!r}"
        if kind not in KEPT:
            raise StoreError(f"{path}: {where}: there is no such kind of record; was it written by a newer version?")
        try:
            decode(KEPT[kind], orjson.loads(document))
        except (CodecError, orjson.JSONDecodeError, TypeError) as problem:
            raise StoreError(f"{path}: {where}: {problem}") from None
