"""A grant, its code and its event are one; what was committed is there after a restart and after a kill."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatefw.errors import StoreError
from gatefw.model import (
    AccessEvent,
    CodeKey,
    EventKind,
    Instant,
    PassedBy,
    PersonKey,
    Record,
    Report,
    Spent,
)
from gatefw.store import Drain, Store

NOW_UTC = 1584259200.0
CODE = CodeKey(b"\x01" * 16)
PERSON = PersonKey(b"\x02" * 16)


def encode(event: AccessEvent) -> bytes:
    return b'{"visit":%d}' % (event.visit or 0)


def event(kind: EventKind, *, visit: int = 1, grant_id: int | None = None) -> AccessEvent:
    at = Instant(mono_s=1.0, wall_utc=NOW_UTC, uncertainty_s=0.1, trusted=True)
    return AccessEvent(kind=kind, at=at, visit=visit, grant_id=grant_id)


def grant(grant_id: int, code: CodeKey | None = None, until_utc: float = NOW_UTC + 60) -> Record:
    spend = Spent(code=code, until_utc=until_utc) if code else None
    return Record(grant_id=grant_id, event=event(EventKind.GRANTED, grant_id=grant_id), spend=spend)


def passed(grant_id: int) -> Report:
    passed_by = PassedBy(person=PERSON, until_utc=NOW_UTC + 60)
    return Report(event=event(EventKind.PASSED, grant_id=grant_id), passed_by=passed_by)


def not_used(grant_id: int, code: CodeKey | None = None) -> Report:
    return Report(event=event(EventKind.NOT_USED, grant_id=grant_id), give_back=code)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gate.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, encode) as opened:
        yield opened


def test_seq_counts_from_one_without_a_gap_even_over_failures(path: Path, store: Store) -> None:
    assert [store.commit(grant(1, CODE)), store.commit(passed(1))] == [1, 2]
    with pytest.raises(StoreError, match="already holds"):
        store.commit(grant(2, CODE))
    assert store.commit(not_used(3)) == 3
    with Drain(path) as drain:
        assert [(row.seq, row.kind) for row in drain.unacked(0, 9)] == [(1, "granted"), (2, "passed"), (3, "not_used")]


def test_a_grant_that_can_not_spend_its_code_leaves_no_trace(store: Store) -> None:
    store.commit(grant(1, CODE))
    first, second, third = store.commit_all([grant(2), grant(3, CODE), grant(4)])
    assert (first, third) == (2, 3)
    assert isinstance(second, StoreError) and second.code == "storage_conflict"
    assert [unfinished.grant_id for unfinished in store.unfinished_grants()] == [1, 2, 4]
    assert store.memory(NOW_UTC).next_grant_id == 5


def test_a_grant_number_is_given_once(store: Store) -> None:
    store.commit(grant(1))
    with pytest.raises(StoreError, match="already holds"):
        store.commit(grant(1))


def test_a_code_given_back_may_be_spent_again(store: Store) -> None:
    store.commit(grant(1, CODE))
    store.commit(not_used(1, CODE))
    assert store.memory(NOW_UTC).spent == ()
    assert store.commit(grant(2, CODE)) == 3


def test_an_event_that_can_not_be_written_keeps_nobody_from_the_card(path: Path) -> None:
    def stubborn(told: AccessEvent) -> bytes:
        if told.visit == 2:
            raise ValueError("no such time")
        return b"{}"

    with Store.open(path, stubborn) as store:
        jobs = [Report(event=event(EventKind.LEFT, visit=visit)) for visit in (1, 2, 3)]
        first, second, third = store.commit_all(jobs)
    assert (first, third) == (1, 2)
    assert isinstance(second, StoreError) and second.code == "storage_unwritable"


def test_memory_survives_a_restart_and_leaves_out_what_expired(path: Path) -> None:
    with Store.open(path, encode) as store:
        epoch = store.epoch
        store.commit(grant(7, CODE))
        store.commit(grant(8, CodeKey(b"old"), until_utc=NOW_UTC - 1))
        store.commit(passed(7))
    with Store.open(path, encode) as store:
        memory = store.memory(NOW_UTC)
        assert memory.spent == (Spent(code=CODE, until_utc=NOW_UTC + 60),)
        assert memory.passed == (PassedBy(person=PERSON, until_utc=NOW_UTC + 60),)
        assert memory.next_grant_id == 9
        assert [(left.grant_id, left.code) for left in store.unfinished_grants()] == [(8, b"old")]
        assert store.epoch == epoch and len(epoch) == 32
        assert store.quarantined == ()


def test_a_clock_that_was_an_hour_ahead_frees_no_code(store: Store) -> None:
    store.commit(grant(1, CODE))
    assert store.memory(NOW_UTC + 3600).spent == ()
    assert [spent.code for spent in store.memory(NOW_UTC).spent] == [CODE]
    days_later = Instant(mono_s=2.0, wall_utc=NOW_UTC + 2 * 86400, uncertainty_s=0.1, trusted=True)
    store.commit(Report(event=AccessEvent(kind=EventKind.LEFT, at=days_later)))
    store.memory(NOW_UTC + 2 * 86400)
    assert store.memory(NOW_UTC).spent == ()


def test_acknowledged_rows_are_marked_and_kept(path: Path, store: Store) -> None:
    store.commit_all([grant(number) for number in range(1, 6)])
    with Drain(path) as drain:
        drain.acked([1, 3])
        assert [row.seq for row in drain.unacked(0, 9)] == [2, 4, 5]
        assert [row.seq for row in drain.unacked(2, 1)] == [4]
        assert (drain.unacked_count(), drain.last_seq()) == (3, 5)
        assert drain.unacked(0, 1)[0].data == b'{"visit":1}'
    rows = sqlite3.connect(path)
    assert rows.execute("SELECT count(*) FROM event").fetchone() == (5,)
    rows.close()


def test_connection_numbers_are_never_drawn_twice(path: Path, store: Store) -> None:
    with Drain(path) as drain:
        assert [drain.next_connection(), drain.next_connection()] == [1, 2]
    with Drain(path) as drain:
        assert drain.next_connection() == 3


def test_the_card_is_synced_at_each_commit(store: Store) -> None:
    connection = store._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_file_is_private(path: Path, store: Store) -> None:
    assert path.stat().st_mode & 0o077 == 0


WRITER = """
import sys
from pathlib import Path
from test_store_commits import encode, grant, not_used
from gatefw.model import CodeKey
from gatefw.store import Store

with Store.open(Path(sys.argv[1]), encode) as store:
    first = store.memory(0.0).next_grant_id
    for grant_id in range(first, first + 100_000):
        code = CodeKey(grant_id.to_bytes(16, "big"))
        seq = store.commit(grant(grant_id, code))
        sys.stdout.write(f"{seq} {grant_id}\\n")
        sys.stdout.flush()
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_nothing_it_had_answered(path: Path, seed: int) -> None:
    """SIGKILL after a random number of answers: every answered grant is there, whole, and seq has no gap."""
    answered: list[tuple[int, int]] = []
    rng = random.Random(seed)
    for _ in range(3):
        answered += _write_and_kill(path, rng.randrange(1, 300))
        with Store.open(path, encode) as store, Drain(path) as drain:
            rows = {row.seq for row in drain.unacked(0, 1000)}
            spent = {spent.code for spent in store.memory(NOW_UTC).spent}
            open_grants = {left.grant_id for left in store.unfinished_grants()}
        assert rows == set(range(1, len(rows) + 1))
        assert {seq for seq, _ in answered} <= rows
        assert {grant_id.to_bytes(16, "big") for _, grant_id in answered} <= spent
        # Whole: as many grants as codes as events, answered or not.
        assert len(spent) == len(open_grants) == len(rows)


def _write_and_kill(path: Path, after_answers: int) -> list[tuple[int, int]]:
    folder = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{folder.parent}:{folder}"}
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after_answers)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
    return [(int(seq), int(grant_id)) for seq, grant_id in (line.split() for line in lines if line.endswith("\n"))]


def test_a_second_gate_on_the_same_file_is_refused(path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match="another gatefw runs on it") as refused:
        Store.open(path, encode)
    assert refused.value.code == "storage_locked"


def test_after_closing_another_may_open(path: Path) -> None:
    first = Store.open(path, encode)
    first.close()
    first.close()
    Store.open(path, encode).close()


def test_a_checkpoint_shortens_the_log(path: Path, store: Store) -> None:
    log = path.with_name("gate.db-wal")
    job = Report(event=event(EventKind.LEFT))
    while log.stat().st_size < 5 * 1024 * 1024:
        store.commit_all([job] * 2000)
    store.checkpoint()
    store.commit(job)
    assert log.stat().st_size < 2 * 1024 * 1024


def test_an_event_keeps_the_time_it_happened(store: Store) -> None:
    store.commit(not_used(1))
    with Drain(store.path) as drain:
        assert drain.unacked(0, 1)[0].at_utc == NOW_UTC


def test_a_clock_that_is_years_ahead_at_start_frees_no_spent_code(path: Path) -> None:
    with Store.open(path, encode) as store:
        store.commit(grant(1, CODE))
    with Store.open(path, encode) as store:
        store.memory(NOW_UTC + 365 * 86400.0)
    with Store.open(path, encode) as store:  # the clock was set right
        assert [spent.code for spent in store.memory(NOW_UTC + 1).spent] == [CODE]


def test_a_connection_number_outlives_a_power_cut(path: Path) -> None:
    with Store.open(path, encode), Drain(path) as drain:
        said: list[str] = []
        drain._connection.set_trace_callback(said.append)
        drain.next_connection()
        levels = [line.removeprefix("PRAGMA synchronous=") for line in said if "synchronous" in line]
        drawn = next(index for index, line in enumerate(said) if line.startswith("UPDATE"))
        assert said[drawn - 1] == "PRAGMA synchronous=FULL"
        assert levels == ["FULL", "NORMAL"]  # marks need not wait for the card again
