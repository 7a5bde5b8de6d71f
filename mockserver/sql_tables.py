"""The tables of a database that holds the state, and the statements on them: the same for SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sql

FORMAT = 3
"""The version of the tables and of what is in them."""

metadata = sql.MetaData()
_Number = sql.BigInteger().with_variant(sql.Integer, "sqlite")

about = sql.Table(
    "serving_mock",
    metadata,
    sql.Column("format", sql.Integer, nullable=False),
    sql.Column("processes", sql.Integer, nullable=False),
)
workspaces = sql.Table(  # a row is also the lock of its workspace's records
    "workspaces",
    metadata,
    sql.Column("workspace", sql.Text, primary_key=True),
    sql.Column("version", _Number, nullable=False),
    sql.Column("removed", _Number, nullable=False),
)
records = sql.Table(
    "records",
    metadata,
    sql.Column("position", _Number, primary_key=True, autoincrement=True),
    sql.Column("workspace", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("key", sql.Text, nullable=False),
    sql.Column("version", _Number, nullable=False),
    sql.Column("document", sql.Text, nullable=False),
    sql.UniqueConstraint("workspace", "kind", "key"),
    sql.Index("records_by_version", "workspace", "version"),
)
documents = sql.Table(
    "documents",
    metadata,
    sql.Column("workspace", sql.Text, primary_key=True),
    sql.Column("kind", sql.Text, primary_key=True),
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("document", sql.Text, nullable=False),
)
log_counts = sql.Table(  # a row is also the lock of its log, so that lines become visible in their order
    "log_counts",
    metadata,
    sql.Column("workspace", sql.Text, primary_key=True),
    sql.Column("log", sql.Text, primary_key=True),
    sql.Column("count", _Number, nullable=False),
)
log_lines = sql.Table(
    "log_lines",
    metadata,
    sql.Column("workspace", sql.Text, primary_key=True),
    sql.Column("log", sql.Text, primary_key=True),
    sql.Column("number", _Number, primary_key=True, autoincrement=False),
    sql.Column("document", sql.Text, nullable=False),
    sql.Column("extra", sql.Text, nullable=True),
)
NAMES = frozenset(metadata.tables)

JOIN = sql.text("UPDATE serving_mock SET processes = processes + 1 RETURNING processes - 1")

VERSIONS = sql.text("SELECT workspace, version, removed FROM workspaces WHERE workspace IN (:one, :two)")
LOCK = (
    sql.select(workspaces.c.version, workspaces.c.removed)
    .where(workspaces.c.workspace == sql.bindparam("workspace"))
    .with_for_update()
)
FOUND = sql.text("INSERT INTO workspaces VALUES (:workspace, 0, 0) ON CONFLICT DO NOTHING")
BUMP = sql.text("UPDATE workspaces SET version = :version, removed = :removed WHERE workspace = :workspace")
WORKSPACES = sql.text("SELECT workspace FROM records GROUP BY workspace ORDER BY min(position)")

_PLACE = "workspace = :workspace AND kind = :kind AND key = :key"
GET = sql.text(f"SELECT document FROM records WHERE {_PLACE}")
ALL = sql.text("SELECT key, document FROM records WHERE workspace = :workspace AND kind = :kind ORDER BY position")
SINCE = sql.text(
    "SELECT kind, key, document FROM records WHERE workspace = :workspace AND version > :version ORDER BY position"
)
PUT = sql.text(
    "INSERT INTO records (workspace, kind, key, version, document)"
    " VALUES (:workspace, :kind, :key, :version, :document)"
    " ON CONFLICT (workspace, kind, key) DO UPDATE SET version = excluded.version, document = excluded.document"
)
DELETE = sql.text(f"DELETE FROM records WHERE {_PLACE}")

READ_DOCUMENT = sql.text(f"SELECT document FROM documents WHERE {_PLACE}")
TAKE_DOCUMENT = (
    sql.select(documents.c.document)
    .where(
        (documents.c.workspace == sql.bindparam("workspace"))
        & (documents.c.kind == sql.bindparam("kind"))
        & (documents.c.key == sql.bindparam("key"))
    )
    .with_for_update()
)
MAKE_DOCUMENT = sql.text("INSERT INTO documents VALUES (:workspace, :kind, :key, :document) ON CONFLICT DO NOTHING")
KEEP_DOCUMENT = sql.text(f"UPDATE documents SET document = :document WHERE {_PLACE}")
CLEAR_DOCUMENTS = sql.text("DELETE FROM documents WHERE workspace = :workspace AND kind = :kind")

NUMBER = sql.text(
    "INSERT INTO log_counts VALUES (:workspace, :log, 1)"
    " ON CONFLICT (workspace, log) DO UPDATE SET count = log_counts.count + 1 RETURNING count"
)
APPEND = sql.text("INSERT INTO log_lines VALUES (:workspace, :log, :number, :document, :extra)")
APPEND_AT_ONCE = sql.text(  # both in one statement, which SQLite does not know
    f"WITH numbered AS ({NUMBER.text})"
    " INSERT INTO log_lines SELECT :workspace, :log, count, :document, :extra FROM numbered RETURNING number"
)
_LOG = "workspace = :workspace AND log = :log"
COUNT = sql.text(f"SELECT count FROM log_counts WHERE {_LOG}")
LOCK_LOG = (
    sql.select(log_counts.c.count)
    .where((log_counts.c.workspace == sql.bindparam("workspace")) & (log_counts.c.log == sql.bindparam("log")))
    .with_for_update()
)
COUNTED = sql.text("SELECT workspace FROM log_counts WHERE log = :log")
LINES = sql.text(f"SELECT number, document, extra FROM log_lines WHERE {_LOG} AND number > :after ORDER BY number")
NEWEST = sql.text(
    f"SELECT number, document, extra FROM log_lines WHERE {_LOG} AND number <= :last AND number > :after"
    " ORDER BY number DESC LIMIT :most"
)
DROP_LINES = sql.text(f"DELETE FROM log_lines WHERE {_LOG} AND number <= :last")
DROP_BEYOND = sql.text(  # what comes before the newest lines that are within the budget together
    f"DELETE FROM log_lines WHERE {_LOG} AND number <= (SELECT max(number) FROM"
    " (SELECT number, sum(length(document)) OVER (ORDER BY number DESC) AS together FROM log_lines"
    f" WHERE {_LOG}) AS sizes WHERE together > :budget)"
)
OLDEST = sql.text(f"SELECT min(number) FROM log_lines WHERE {_LOG}")
DROP_EXTRAS = sql.text(f"UPDATE log_lines SET extra = NULL WHERE {_LOG} AND number <= :last AND extra IS NOT NULL")
# The counts before the lines: as they are the lock of the log, nobody writes a line between the two, which would stay
# and have a number that is given again.
CLEAR_LOG = tuple(sql.text(f"DELETE FROM {table} WHERE {_LOG}") for table in ("log_counts", "log_lines"))
CLEAR = tuple(
    sql.text(f"DELETE FROM {table} WHERE workspace = :workspace")
    for table in ("records", "documents", "log_counts", "log_lines")
)
