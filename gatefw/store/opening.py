"""Open the store's file: one process at a time, checked, and a damaged file set aside instead of used.

Nothing is deleted here: a damaged database is renamed with its log, and a new one begins with another epoch.
"""

import fcntl
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from gatefw.errors import StoreError
from gatefw.store import schema

CHECKED_BELOW_BYTES: Final = 32 * 1024 * 1024
"""A file up to this size is checked page by page at every start; a larger one only when it gave cause."""


def claim(path: Path) -> int:
    """Hold a lock beside the database for as long as this process lives; returns its descriptor."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError("storage_error", f"{path} can't be opened ({error.strerror}): check the folder.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError("storage_locked", f"{path} is in use: another gatefw runs on it.") from error
    return descriptor


def open_sound(path: Path) -> tuple[sqlite3.Connection, tuple[Path, ...]]:
    """Open or create a checked database; also return where a damaged one was set aside (empty: it was sound).

    Raises sqlite3.Error and StoreError.
    """
    try:
        return _open_checked(path), ()
    except sqlite3.Error as error:
        if not schema.is_corrupt(error):
            raise
    quarantined = _quarantine(path)
    return _open_checked(path), quarantined


def _open_checked(path: Path) -> sqlite3.Connection:
    _create_private(path)
    connection = schema.connect(path, synchronous="FULL")
    try:
        if not schema.check_version(connection, path):
            schema.create(connection, secrets.token_hex(16))
            schema.sync_folder(path.parent)
        elif _deserves_check(path):
            _check_pages(connection)
            _suspect(path).unlink(missing_ok=True)
        connection.execute("SELECT epoch, next_grant_id FROM outbox WHERE one = 1").fetchone()[0]
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError("storage_error", f"{path} can't be opened ({error.strerror}): check the card.") from error


def _check_pages(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        error = sqlite3.DatabaseError("quick_check found damage")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _deserves_check(path: Path) -> bool:
    return _suspect(path).exists() or path.stat().st_size <= CHECKED_BELOW_BYTES


def _suspect(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


def mark_suspect(path: Path) -> None:
    """Have the next start check every page, whatever the size."""
    try:
        _suspect(path).touch()
    except OSError:
        return  # a card that takes nothing more: the next start meets the damage again


def _quarantine(path: Path) -> tuple[Path, ...]:
    """Rename the damaged file and its log; nothing is deleted, nothing set aside earlier is overwritten."""
    number = 1
    while path.with_name(f"{path.name}.damaged-{number}").exists():
        number += 1
    moved = []
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            moved.append(source.rename(path.with_name(f"{path.name}.damaged-{number}{suffix}")))
    _suspect(path).unlink(missing_ok=True)
    schema.sync_folder(path.parent)
    return tuple(moved)
