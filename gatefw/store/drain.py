"""The link's own view of the events: read what the broker hasn't taken, mark what it took.

Its connection runs with `synchronous=NORMAL`: a mark lost in a power cut only means that the same key is sent
again, so marks need not wait for the card. A connection's number waits; the recorder's commits stay FULL.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gatefw.store import schema

PATIENCE_S: Final = 5.0
"""How long the link waits for a commit: nobody waits for the link."""

ROWS_LIMIT: Final = 1000
"""The most rows one read returns, so that a large backlog never fills the memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One event as committed. `at_utc` is Unix seconds, `data` the JSON bytes of the message's data."""

    seq: int
    kind: str
    at_utc: float
    data: bytes


class Drain:
    """A second connection to the store's file, for one thread; the store must have been opened before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._connection = schema.connect(path, synchronous="NORMAL", busy_s=PATIENCE_S)
            self.epoch: str = self._connection.execute("SELECT epoch FROM outbox").fetchone()[0]
        except sqlite3.Error as error:
            raise schema.store_error(error, path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._connection.close()

    def unacked(self, after_seq: int, limit: int) -> list[Row]:
        """Up to `limit` rows that no broker has acknowledged, in order, from the first seq above `after_seq`."""
        sql = "SELECT seq, kind, at_utc, data FROM event WHERE acked = 0 AND seq > ? ORDER BY seq LIMIT ?"
        try:
            rows = self._connection.execute(sql, (after_seq, min(limit, ROWS_LIMIT))).fetchall()
        except sqlite3.Error as error:
            raise schema.store_error(error, self.path) from error
        return [Row(seq=seq, kind=kind, at_utc=at_utc, data=data) for seq, kind, at_utc, data in rows]

    def acked(self, seqs: Sequence[int]) -> None:
        """Mark these rows as taken by the broker, all or none; nothing is deleted."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("UPDATE event SET acked = 1 WHERE seq BETWEEN ? AND ?", _runs(seqs))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise schema.store_error(error, self.path) from error

    def unacked_count(self) -> int:
        """How many events wait for a broker (a scan of their index)."""
        return self._count("SELECT count(*) FROM event WHERE acked = 0")

    def last_seq(self) -> int:
        """The highest seq committed, 0 when there is none."""
        return self._count("SELECT coalesce(max(seq), 0) FROM event")

    def next_connection(self) -> int:
        """Draw the next connection number, from 1, never twice: it is on the card before anybody hears of it."""
        try:
            self._connection.execute("PRAGMA synchronous=FULL")
            return self._count("UPDATE outbox SET connections = connections + 1 RETURNING connections")
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")

    def _count(self, sql: str) -> int:
        try:
            (number,) = self._connection.execute(sql).fetchall()[0]
        except sqlite3.Error as error:
            raise schema.store_error(error, self.path) from error
        return int(number)


def _runs(seqs: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken run: acknowledgements come nearly in order, so one statement marks many."""
    runs: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if runs and seq <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs
