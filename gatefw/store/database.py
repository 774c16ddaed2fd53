"""The gate's one database: a grant, the code it spends and the event about it, committed as one.

`Store` belongs to one process (it holds a lock beside the file) and to one thread at a time. Every `sqlite3.Error`
leaves it as a StoreError; after one the database is as it was before the call.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gatefw.errors import StoreError
from gatefw.model import AccessEvent, CodeKey, EventKind, PassedBy, PersonKey, Record, Report, Spent
from gatefw.store import schema
from gatefw.store.opening import claim, mark_suspect, open_sound

Encode = Callable[[AccessEvent], bytes]
"""Turns an event into the JSON bytes that ops will get; called at commit, so that what was told stays told."""

KEPT_AFTER_EXPIRY_S: Final = 86400.0
"""Expired keys stay a day longer than the last event told: a wall clock that was wrong for a while must not free a
spent code."""

CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
"""A write-ahead log longer than this is copied back (SQLite's own default is 1000 pages of 4 KiB)."""

Apply = Callable[[Record | Report], int | StoreError]

_REFUSALS: Final = (sqlite3.IntegrityError, TypeError, ValueError, OverflowError)
"""One job contradicts what is on the card, or holds what can't be written down; the card itself works."""

_ENDS: Final = frozenset({EventKind.PASSED, EventKind.NOT_USED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What the gate must remember over a restart; expired rows are left out."""

    spent: tuple[Spent, ...]
    passed: tuple[PassedBy, ...]
    next_grant_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """A grant that was committed and never ended: the process died between. Its code stays spent."""

    grant_id: int
    visit: int | None
    code: CodeKey | None


class Store:
    """One open database; `open` is the way in.

    `epoch` was drawn with the file (128-bit hex). `quarantined` names where a damaged predecessor was set aside:
    empty when all was well.
    """

    def __init__(
        self, *, path: Path, encode: Encode, connection: sqlite3.Connection, lock: int, quarantined: tuple[Path, ...]
    ) -> None:
        self.path = path
        self.quarantined = quarantined
        self._encode = encode
        self._connection = connection
        self._copier = schema.connect(path, synchronous="FULL")
        self._lock = lock
        self.epoch: str = connection.execute("SELECT epoch FROM outbox").fetchone()[0]

    @classmethod
    def open(cls, path: Path, encode: Encode) -> Self:
        """Open or create the database at `path`; set a damaged file aside and begin anew with another epoch.

        Raises StoreError: `storage_locked` (another process has it), `storage_foreign`, `storage_version`,
        `storage_full`, `storage_error`.
        """
        lock = claim(path)
        try:
            connection, quarantined = open_sound(path)
            return cls(path=path, encode=encode, connection=connection, lock=lock, quarantined=quarantined)
        except BaseException as error:
            os.close(lock)
            if isinstance(error, sqlite3.Error):
                raise schema.store_error(error, path) from error
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                raise StoreError(
                    "storage_error", f"{path} can't be opened ({error.strerror}): check the card."
                ) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let go of the lock; safe to call twice."""
        if self._lock < 0:
            return
        self._copier.close()
        self._connection.close()
        os.close(self._lock)
        self._lock = -1

    def commit(self, job: Record | Report) -> int:
        """Commit one job durably and return its event's seq."""
        (outcome,) = self.commit_all([job])
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    def commit_all(self, jobs: Sequence[Record | Report]) -> list[int | StoreError]:
        """Commit jobs in order under one fsync: for each its event's seq, or why it alone was refused.

        Each job is atomic. A code already spent or a grant already known is that job's `storage_conflict`;
        whatever stops the card raises StoreError and nothing of the group is kept.
        """
        try:
            return self._transact(jobs, self._apply)
        except _REFUSALS:
            # Rare: a savepoint round each job, so that only the contradicting one is left out.
            return self._transact(jobs, self._try_apply)

    def probe(self) -> None:
        """Write something for real: returns when the card takes commits, else raises StoreError."""
        try:
            self._connection.execute("UPDATE outbox SET probes = probes + 1")
        except sqlite3.Error as error:
            self._roll_back()
            raise self._failed(error) from error

    def memory(self, now_utc: float) -> Memory:
        """Spent codes and passed persons still in force at `now_utc` (Unix seconds); long expired ones are deleted."""
        try:
            self._prune(now_utc)
            select = self._connection.execute
            spent = select("SELECT code, until_utc FROM spent WHERE until_utc >= ?", (now_utc,)).fetchall()
            passed = select("SELECT person, until_utc FROM passed WHERE until_utc >= ?", (now_utc,)).fetchall()
            (next_grant_id,) = select("SELECT next_grant_id FROM outbox").fetchone()
        except sqlite3.Error as error:
            self._roll_back()
            raise self._failed(error) from error
        return Memory(
            spent=tuple(Spent(code=CodeKey(code), until_utc=until) for code, until in spent),
            passed=tuple(PassedBy(person=PersonKey(person), until_utc=until) for person, until in passed),
            next_grant_id=next_grant_id,
        )

    def unfinished_grants(self) -> tuple[Unfinished, ...]:
        """Grants whose end was never committed, oldest first."""
        try:
            rows = self._connection.execute("SELECT grant_id, visit, code FROM open_grant ORDER BY grant_id").fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return tuple(
            Unfinished(grant_id=grant_id, visit=visit, code=None if code is None else CodeKey(code))
            for grant_id, visit, code in rows
        )

    def checkpoint(self) -> None:
        """Copy a long write-ahead log back into the file, over a connection of its own: any one thread may call it."""
        log = self.path.with_name(self.path.name + "-wal")
        try:
            if log.stat().st_size > CHECKPOINT_BYTES:
                self._copier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except FileNotFoundError:
            return
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _transact(self, jobs: Sequence[Record | Report], apply: Apply) -> list[int | StoreError]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [apply(job) for job in jobs]
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                raise self._failed(error) from error
            raise
        return outcomes

    def _try_apply(self, job: Record | Report) -> int | StoreError:
        self._connection.execute("SAVEPOINT job")
        try:
            seq = self._apply(job)
        except sqlite3.IntegrityError as error:
            return self._undo(schema.store_error(error, self.path))
        except (TypeError, ValueError, OverflowError) as error:
            # A value that can't be written down: it must not keep the jobs behind it from the card.
            return self._undo(StoreError("storage_unwritable", f"An event can't be written down: {error}."))
        self._connection.execute("RELEASE job")
        return seq

    def _undo(self, error: StoreError) -> StoreError:
        self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")
        return error

    def _apply(self, job: Record | Report) -> int:
        if isinstance(job, Record):
            self._begin_grant(job)
        else:
            self._end_grant(job)
        row = (job.event.kind.value, job.event.at.wall_utc, self._encode(job.event))
        seq = self._connection.execute("INSERT INTO event (kind, at_utc, data) VALUES (?, ?, ?)", row).lastrowid
        if seq is None:
            raise StoreError("storage_error", f"{self.path} gave the event no number: check SQLite's build.")
        return seq

    def _begin_grant(self, job: Record) -> None:
        code = job.spend.code if job.spend else None
        execute = self._connection.execute
        execute("INSERT INTO open_grant VALUES (?, ?, ?)", (job.grant_id, job.event.visit, code))
        execute("UPDATE outbox SET next_grant_id = max(next_grant_id, ?)", (job.grant_id + 1,))
        if job.spend:
            # No REPLACE: what is on the card counts, even if the gate's memory forgot it.
            execute("INSERT INTO spent VALUES (?, ?)", (job.spend.code, job.spend.until_utc))

    def _end_grant(self, job: Report) -> None:
        execute = self._connection.execute
        if job.event.kind in _ENDS and job.event.grant_id is not None:
            execute("DELETE FROM open_grant WHERE grant_id = ?", (job.event.grant_id,))
        if job.give_back is not None:
            execute("DELETE FROM spent WHERE code = ?", (job.give_back,))
        if job.passed_by is not None:
            row = (job.passed_by.person, job.passed_by.until_utc)
            execute("INSERT INTO passed VALUES (?, ?) ON CONFLICT DO UPDATE SET until_utc = excluded.until_utc", row)

    def _prune(self, now_utc: float) -> None:
        # Never by the present clock alone: one that is years ahead at start would free every spent code.
        last = self._connection.execute("SELECT at_utc FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        told_utc = now_utc if last is None else last[0]
        before = (min(now_utc, told_utc) - KEPT_AFTER_EXPIRY_S,)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("DELETE FROM spent WHERE until_utc < ?", before)
        self._connection.execute("DELETE FROM passed WHERE until_utc < ?", before)
        self._connection.execute("COMMIT")

    def _failed(self, error: sqlite3.Error) -> StoreError:
        if schema.is_corrupt(error):
            mark_suspect(self.path)
        return schema.store_error(error, self.path)

    def _roll_back(self) -> None:
        # A full card makes SQLite roll back by itself; then there is nothing left to do.
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise self._failed(error) from error
