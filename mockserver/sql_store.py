"""The state in a SQL database, through SQLAlchemy Core, shared by all processes that open it.

Records are cached. Each workspace has a version that grows with every transaction; a read looks at the version and
fetches only what has changed since. Within one request a look counts for a moment, so that most reads cost nothing.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar, cast

import orjson

from .codec import CodecError, encode
from .databases import opened  # first: it explains how to get what is missing
from .records import KEPT
from .sql_cache import MOST_CACHED, UNKNOWN, Cache, counted, decoded, read
from .store import Changes, Documents, Line, Log, StoreError, Transaction

import sqlalchemy as sql  # isort: skip
from sqlalchemy.engine import Connection, Engine  # isort: skip

from . import sql_tables as tables  # isort: skip

Record = TypeVar("Record")
State = TypeVar("State")
Item = TypeVar("Item")
Row = Mapping[str, Any]

GLANCE = 0.2
"""Real seconds after which to look again for what other processes did."""

MOMENT = 0.02
"""Real seconds for which a look at a workspace's version counts in the same request."""

EVERY = 50
"""Lines of a log after which those that are too old are dropped."""


class _Here(threading.local):
    """What this thread is in: a transaction, and a request with the caches it has looked after."""

    connection: Connection | None = None
    looked: dict[str, tuple[Cache, float]] | None = None


class SqlStore:
    """The state of all workspaces in a database.

    Args:
        url: an SQLAlchemy URL: ``sqlite:///mock.db`` or ``postgresql://user:password@host/database``.

    Raises:
        StoreError: the database cannot be used: it cannot be reached, is damaged, somebody else's, or written by a
            newer version. The text names the place; nothing in it has been changed.
    """

    instant = False
    glance: float | None = GLANCE

    def __init__(self, url: str) -> None:
        self._database = opened(url)
        self._here = _Here()
        self._caches: dict[str, Cache] = {}
        self._logs: dict[type, _SqlLog[Any]] = {}
        with self._alone(self._database.durable) as connection:
            self.process: int = connection.execute(tables.JOIN).scalar_one()

    def get(self, kind: type[Record], workspace: str, key: str) -> Record | None:
        cache = self._looked_at(workspace)
        version, found = cache.version, cache.get(kind, key)
        if found is UNKNOWN:
            if "\0" in key:  # which PostgreSQL cannot even be asked for
                return None
            rows = self._read(tables.GET, {"workspace": workspace, "kind": kind.__name__, "key": key})
            found = decoded(kind, rows[0][0]) if rows else None
            cache.remember(version, kind, key, found)
        return cast("Record | None", found)

    def all(self, kind: type[Record], workspace: str) -> list[Record]:
        return list(self._kind(kind, workspace).values())

    def items(self, kind: type[Record], workspace: str) -> list[tuple[str, Record]]:
        return list(self._kind(kind, workspace).items())

    def workspaces(self) -> list[str]:
        return [name for (name,) in self._read(tables.WORKSPACES, {})]

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[Transaction]:
        if self._here.connection is not None:
            raise RuntimeError("this thread is in a transaction already")
        looked = self._here.looked
        try:
            with self._alone(self._database.durable) as connection:
                version, removed = self._locked(connection, workspace)
                cache = self._cache(workspace)
                self._catch_up(cache, workspace, version, removed)
                self._here.looked = {workspace: (cache, math.inf)}
                changes = Changes(self, workspace)
                yield changes
                if changes.made:
                    gone = _written(connection, workspace, version + 1, changes.made)
                    place = {"workspace": workspace, "version": version + 1}
                    connection.execute(tables.BUMP, {**place, "removed": version + 1 if gone else removed})
        finally:
            self._here.looked = looked
            if looked is not None:
                looked.pop(workspace, None)

    @contextmanager
    def request(self) -> Iterator[None]:
        before, self._here.looked = self._here.looked, {}
        try:
            yield
        finally:
            self._here.looked = before

    def documents(self, kind: type[State]) -> Documents[State]:
        return _SqlDocuments(self, kind)

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._alone(self._database.quick):
            yield

    def log(
        self, kind: type[Item], extra: type | None = None, *, capacity: int, whole: int = 0, budget: int | None = None
    ) -> Log[Item]:
        return self._logs.setdefault(kind, _SqlLog(self, kind, extra, capacity, whole, budget))

    def clear(self, workspace: str) -> None:
        with self._alone(self._database.durable) as connection:
            version, _ = self._locked(connection, workspace)
            for statement in tables.CLEAR:
                connection.execute(statement, {"workspace": workspace})
            bumped = {"workspace": workspace, "version": version + 1, "removed": version + 1}
            connection.execute(tables.BUMP, bumped)
        if self._here.looked is not None:
            self._here.looked.pop(workspace, None)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _alone(self, engine: Engine) -> Iterator[Connection]:
        """A connection in a transaction: of its own, or the one that this thread is in already."""
        here = self._here
        if here.connection is not None:
            yield here.connection
            return
        with _explained(), self._database.writing, engine.begin() as connection:
            here.connection = connection
            try:
                yield connection
            finally:
                here.connection = None

    def _quick(self) -> Any:
        return self._alone(self._database.quick)

    def _read(self, statement: sql.TextClause, place: Row) -> list[Any]:
        """The rows that a statement finds, now or, in a transaction, in it."""
        with _explained():
            try:
                return self._rows(statement, place)
            except sql.exc.DBAPIError as problem:
                if not problem.connection_invalidated or self._here.connection is not None:
                    raise
                self._database.close()  # the server has restarted: what lies in the pools is lost, too
                return self._rows(statement, place)

    def _rows(self, statement: sql.TextClause, place: Row) -> list[Any]:
        if self._here.connection is not None:
            return list(self._here.connection.execute(statement, place))
        with self._database.single.connect() as connection:
            return list(connection.execute(statement, place))

    def _appended(self, place: Row, texts: Row) -> int:
        """Number a line of a log and write it; the number."""
        if self._database.appends_at_once:
            with _explained():
                return int(self._rows(tables.APPEND_AT_ONCE, {**place, **texts})[0][0])
        with self._quick() as connection:
            number = int(connection.execute(tables.NUMBER, place).scalar_one())
            connection.execute(tables.APPEND, {**place, **texts, "number": number})
        return number

    def _locked(self, connection: Connection, workspace: str) -> tuple[int, int]:
        """The workspace's version and that of its latest removal; nobody else changes the workspace meanwhile."""
        row = connection.execute(tables.LOCK, {"workspace": workspace}).one_or_none()
        if row is None:
            connection.execute(tables.FOUND, {"workspace": workspace})
            row = connection.execute(tables.LOCK, {"workspace": workspace}).one()
        return row.version, row.removed

    def _kind(self, kind: type[Record], workspace: str) -> dict[str, Record]:
        cache = self._looked_at(workspace)
        version, known = cache.version, cache.kinds.get(kind.__name__)
        if known is None:
            rows = self._read(tables.ALL, {"workspace": workspace, "kind": kind.__name__})
            known = {key: decoded(kind, document) for key, document in rows}
            cache.remember_all(version, kind, known)
        return cast("dict[str, Record]", known)

    def _cache(self, workspace: str) -> Cache:
        if len(self._caches) > MOST_CACHED:
            self._caches.clear()
        return self._caches.setdefault(workspace, Cache())

    def _looked_at(self, workspace: str) -> Cache:
        """The cache of a workspace, with everything in it that was committed before this request asked."""
        looked, now = self._here.looked, time.monotonic()
        if looked is not None and workspace in looked and now < looked[workspace][1]:
            return looked[workspace][0]
        names = (workspace, "")  # together with what belongs to no workspace, which is asked for as often
        rows = {row[0]: row for row in self._read(tables.VERSIONS, {"one": workspace, "two": ""})}
        for name in names:
            cache = self._cache(name)
            _, version, removed = rows.get(name, (name, 0, 0))
            self._catch_up(cache, name, version, removed)
            if looked is not None:
                looked[name] = (cache, now + MOMENT)
            if name == workspace:
                found = cache
        return found

    def _catch_up(self, cache: Cache, workspace: str, version: int, removed: int) -> None:
        with cache.lock:
            if version <= cache.version:
                return
            if removed > cache.version:
                cache.forget()
            else:
                place = {"workspace": workspace, "version": cache.version}
                cache.change((KEPT[kind], key, text) for kind, key, text in self._read(tables.SINCE, place))
            cache.version = version


class _SqlDocuments(Generic[State]):
    def __init__(self, store: SqlStore, kind: type[State]) -> None:
        self._store, self._kind = store, kind

    def read(self, workspace: str, key: str) -> State | None:
        rows = self._store._read(tables.READ_DOCUMENT, self._place(workspace, key))
        return counted(self._kind, rows[0][0]) if rows else None

    @contextmanager
    def changing(self, workspace: str, key: str) -> Iterator[State]:
        place = self._place(workspace, key)
        with self._store._quick() as connection:
            before = connection.execute(tables.TAKE_DOCUMENT, place).scalar()
            while before is None:
                connection.execute(tables.MAKE_DOCUMENT, {**place, "document": "{}"})
                before = connection.execute(tables.TAKE_DOCUMENT, place).scalar()
            state = self._kind() if before == "{}" else counted(self._kind, before)
            yield state
            after = _dumped(state)
            if after != before:
                connection.execute(tables.KEEP_DOCUMENT, {**place, "document": after})

    def clear(self, workspace: str) -> None:
        with self._store._quick() as connection:
            connection.execute(tables.CLEAR_DOCUMENTS, {"workspace": workspace, "kind": self._kind.__name__})

    def _place(self, workspace: str, key: str) -> dict[str, Any]:
        return {"workspace": workspace, "kind": self._kind.__name__, "key": key}


class _SqlLog(Generic[Item]):
    def __init__(
        self, store: SqlStore, kind: type[Item], extra: type | None, capacity: int, whole: int, budget: int | None
    ) -> None:
        self._store, self._kind, self._extra = store, kind, extra
        self.capacity, self._whole, self._budget = capacity, whole, budget

    def append(self, workspace: str, item: Item, extra: object = None) -> int:
        place = self._place(workspace)
        texts = {"document": _dumped(item), "extra": None if extra is None else _dumped(extra)}
        number = self._store._appended(place, texts)
        if number % EVERY == 0:
            self._drop_old(place)
        return number

    def _drop_old(self, place: Row) -> None:
        with self._store._quick() as connection:
            count = connection.execute(tables.LOCK_LOG, place).scalar()
            if count is not None:  # the log may have been cleared since
                connection.execute(tables.DROP_LINES, {**place, "last": count - self.capacity})
                connection.execute(tables.DROP_EXTRAS, {**place, "last": count - self._whole})
                if self._budget is not None:
                    connection.execute(tables.DROP_BEYOND, {**place, "budget": self._budget})

    def lines(self, workspace: str) -> list[Line[Item]]:
        count = self.count(workspace)
        rows = self._store._read(tables.LINES, {**self._place(workspace), "after": count - self.capacity})
        return [self._line(count, *row) for row in rows]

    def newest(self, workspace: str) -> Iterator[Line[Item]]:
        last = count = self.count(workspace)
        while last > 0:
            span = {"last": last, "after": count - self.capacity, "most": 100}
            rows = self._store._read(tables.NEWEST, {**self._place(workspace), **span})
            yield from (self._line(count, *row) for row in rows)
            last = rows[-1][0] - 1 if rows else 0

    def line(self, workspace: str, number: int) -> Line[Item] | None:
        count = self.count(workspace)
        span = {"last": number, "after": max(number - 1, count - self.capacity), "most": 1}
        rows = self._store._read(tables.NEWEST, {**self._place(workspace), **span})
        return self._line(count, *rows[0]) if rows else None

    def count(self, workspace: str) -> int:
        rows = self._store._read(tables.COUNT, self._place(workspace))
        return int(rows[0][0]) if rows else 0

    def dropped(self, workspace: str) -> int:
        oldest = self._store._read(tables.OLDEST, self._place(workspace))[0][0] or 1
        return max(self.count(workspace) - self.capacity, oldest - 1)

    def wait(self, workspace: str, count: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self.count(workspace) == count and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, GLANCE / 4))

    def workspaces(self) -> list[str]:
        return [name for (name,) in self._store._read(tables.COUNTED, {"log": self._kind.__name__})]

    def clear(self, workspace: str) -> None:
        with self._store._quick() as connection:
            for statement in tables.CLEAR_LOG:
                connection.execute(statement, self._place(workspace))

    def _place(self, workspace: str) -> dict[str, Any]:
        return {"workspace": workspace, "log": self._kind.__name__}

    def _line(self, count: int, number: int, document: str, extra: str | None) -> Line[Item]:
        item = counted(self._kind, document)
        if extra is None or self._extra is None or number <= count - self._whole:
            return Line(number, item)
        return Line(number, item, counted(self._extra, extra))


@contextmanager
def _explained() -> Iterator[None]:
    """Say in one sentence that the database fails."""
    try:
        yield
    except (sql.exc.DBAPIError, sql.exc.TimeoutError) as problem:
        words = " ".join(str(getattr(problem, "orig", None) or problem).split())
        raise StoreError(f"the database of the store fails: {words}") from problem


def _written(connection: Connection, workspace: str, version: int, made: Mapping[tuple[type, str], Any]) -> bool:
    """Write what a transaction has changed; whether something was deleted.

    Raises:
        ValueError: a key has the one character that PostgreSQL cannot hold, or a record could not be read again.
    """
    gone, put = [], []
    for (kind, key), record in made.items():
        if "\0" in key:
            raise ValueError(f"the name {key!r} has a NUL, which the store cannot keep")
        place = {"workspace": workspace, "kind": kind.__name__, "key": key}
        if record is None:
            gone.append(place)
        else:
            put.append({**place, "version": version, "document": _document(kind, key, record)})
    if gone:
        connection.execute(tables.DELETE, gone)
    if put:
        connection.execute(tables.PUT, put)
    return bool(gone)


def _document(kind: type, key: str, record: object) -> str:
    """The record as it is written down, which the caches take it from when it has been committed."""
    try:
        document = orjson.dumps(encode(record)).decode()
        read(kind.__name__, document)
    except (CodecError, TypeError) as problem:
        raise ValueError(f"{kind.__name__} {key!r} cannot be kept: {problem}") from None
    return document


def _dumped(value: Any) -> str:
    return orjson.dumps(value, default=_members, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _members(value: Any) -> Any:
    """What ``encode`` makes of a value, one level deep: the rest is faster in orjson."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        return {spec.name: getattr(value, spec.name) for spec in fields(value) if spec.init}
    return encode(value)
