"""The tables, how a connection is set up, and what a failing card is called.

Rules of this file:
- WAL with `synchronous=FULL` is what survived every simulated power cut; each pragma is read back, because
  SQLite ignores what it doesn't understand.
- `seq` is AUTOINCREMENT: 1, 2, 3 … without a gap (a rolled-back transaction rolls the counter back too), and
  never used again once rows are deleted.
- A row holds the event's data exactly as it was told at commit. No person, no text of a code.
"""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from gatefw.errors import StoreError

APPLICATION_ID: Final = 0x67746677
"""Marks our files ("gtfw"), so that we never take somebody else's database for ours."""

SCHEMA_VERSION: Final = 1

BUSY_S: Final = 0.2
"""How long a commit waits for the link's short write. Below the 0.3 s after which a grant is given up."""

FULL_BELOW_BYTES: Final = 65536
"""With less than this free, an I/O error is called a full card: SQLite can't grow its shared memory then."""

LOG_KEPT_BYTES: Final = 1024 * 1024
"""What is left of the write-ahead log's file after it was copied back."""

SCHEMA: Final = """
CREATE TABLE outbox (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    next_grant_id INTEGER NOT NULL,
    connections INTEGER NOT NULL,
    probes INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    at_utc REAL NOT NULL,
    data BLOB NOT NULL,
    acked INTEGER NOT NULL DEFAULT 0 CHECK (acked IN (0, 1))
) STRICT;
CREATE INDEX event_unacked ON event (seq) WHERE acked = 0;
CREATE TABLE spent (code BLOB PRIMARY KEY, until_utc REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX spent_until ON spent (until_utc);
CREATE TABLE passed (person BLOB PRIMARY KEY, until_utc REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX passed_until ON passed (until_utc);
CREATE TABLE open_grant (grant_id INTEGER PRIMARY KEY, visit INTEGER, code BLOB) STRICT;
"""

_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code (the low byte of the extended one); 0 when the error has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file is no sound database (any more)."""
    return primary_code(error) in _CORRUPT


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """Name what the card did: `storage_full`, `storage_corrupt`, `storage_conflict` or `storage_error`."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return StoreError("storage_full", f"No room left for {path}: free space on that file system.")
    if code in _CORRUPT:
        return StoreError("storage_corrupt", f"{path} is damaged: restart the gate, it sets the file aside.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return StoreError("storage_conflict", f"{path} already holds this grant or this spent code.")
    return StoreError("storage_error", f"{path} can't be written ({error}): check the card and the mount.")


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < FULL_BELOW_BYTES
    except OSError:
        return False


def connect(path: Path, *, synchronous: str, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open a connection in autocommit with checked pragmas; `synchronous` is FULL or NORMAL.

    `busy_s` is how long it waits for another connection's write.

    Raises sqlite3.Error as SQLite does, and StoreError when a pragma did not take.
    """
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        _set(connection, "journal_mode", "WAL", "wal")
        _set(connection, "synchronous", synchronous, {"FULL": 2, "NORMAL": 1}[synchronous])
        # The recorder copies the log back from beside, so that no commit waits for it.
        _set(connection, "wal_autocheckpoint", "0", 0)
        _set(connection, "journal_size_limit", str(LOG_KEPT_BYTES), LOG_KEPT_BYTES)
        _set(connection, "cell_size_check", "1", 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _set(connection: sqlite3.Connection, pragma: str, value: str, expected: str | int) -> None:
    connection.execute(f"PRAGMA {pragma}={value}").fetchone()
    got = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    if got != expected:
        raise StoreError("storage_error", f"SQLite refuses {pragma}={value} (it says {got}): check its build.")


def create(connection: sqlite3.Connection, epoch: str) -> None:
    """Lay out an empty database in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO outbox VALUES (1, ?, 1, 0, 0)", (epoch,))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")


def check_version(connection: sqlite3.Connection, path: Path) -> bool:
    """True for our schema, False for an empty file; StoreError for anything else, which is left alone."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application_id, version) == (APPLICATION_ID, SCHEMA_VERSION):
        return True
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        return False
    if application_id != APPLICATION_ID:
        raise StoreError("storage_foreign", f"{path} is not a gate's store: name another file in the settings.")
    raise StoreError(
        "storage_version", f"{path} has schema {version}, this gatefw knows {SCHEMA_VERSION}: update gatefw."
    )


def sync_folder(folder: Path) -> None:
    """Make a creation or a rename in `folder` durable (fsync of the directory)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
