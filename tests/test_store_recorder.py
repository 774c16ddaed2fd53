"""The recorder answers only what is on the card, gives grants up and keeps reports while the card takes nothing."""

import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from gatefw.errors import StoreError
from gatefw.model import (
    AccessEvent,
    CodeKey,
    Device,
    DeviceFailed,
    DeviceReady,
    EventKind,
    Instant,
    Record,
    Recorded,
    Report,
    Spent,
)
from gatefw.ports import Observation
from gatefw.store import Drain, Recorder, Store
from gatefw.store import recorder as recorder_room

NOW_UTC = 1584259200.0
ANSWER_S = 20.0


def encode(told: AccessEvent) -> bytes:
    # Larger than a page, so that each event needs room of its own.
    return b'{"visit":%d}' % (told.visit or 0) + b" " * 5000


def event(kind: EventKind, visit: int) -> AccessEvent:
    at = Instant(mono_s=1.0, wall_utc=NOW_UTC, uncertainty_s=0.1, trusted=True)
    return AccessEvent(kind=kind, at=at, visit=visit)


def grant(grant_id: int) -> Record:
    spend = Spent(code=CodeKey(grant_id.to_bytes(16, "big")), until_utc=NOW_UTC + 60)
    return Record(grant_id=grant_id, event=event(EventKind.GRANTED, grant_id), spend=spend)


def left(visit: int) -> Report:
    return Report(event=event(EventKind.LEFT, visit))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "gate.db", encode) as opened:
        yield opened


@pytest.fixture
def inbox() -> SimpleQueue[Observation]:
    return SimpleQueue()


@pytest.fixture
def recorder(store: Store, inbox: SimpleQueue[Observation]) -> Iterator[Recorder]:
    running = Recorder(store=store, put=inbox.put)
    yield running
    running.close()


def kinds(store: Store) -> list[tuple[str, bytes]]:
    with Drain(store.path) as drain:
        return [(row.kind, row.data.rstrip()) for row in drain.unacked(0, 1000)]


@contextmanager
def full_card(store: Store) -> Iterator[None]:
    """SQLite's own bound on the file: SQLITE_FULL from the real commit path."""
    connection = store._connection
    connection.execute("VACUUM")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}")
    yield
    connection.execute("PRAGMA max_page_count=1000000")


def test_a_grant_is_answered_after_its_commit(store: Store, inbox: SimpleQueue[Observation]) -> None:
    on_the_card: list[int] = []

    def put(answer: Observation) -> None:
        on_the_card.append(len(kinds(store)))
        inbox.put(answer)

    recorder = Recorder(store=store, put=put)
    recorder.submit(grant(1))
    assert inbox.get(timeout=ANSWER_S) == Recorded(grant_id=1)
    assert recorder.close() == 0
    assert on_the_card == [1]


def test_jobs_are_committed_in_order_and_close_drains(store: Store, inbox: SimpleQueue[Observation]) -> None:
    woken = threading.Event()
    recorder = Recorder(store=store, put=inbox.put, committed=woken.set)
    for number in range(1, 401):
        recorder.submit(grant(number) if number % 2 else left(number))
    assert recorder.close() == 0
    assert [data for _, data in kinds(store)] == [b'{"visit":%d}' % number for number in range(1, 401)]
    assert [inbox.get_nowait() for _ in range(200)] == [Recorded(grant_id=number) for number in range(1, 401, 2)]
    assert (recorder.pending, woken.is_set()) == (0, True)
    assert 2 <= recorder.times.count <= 400 and recorder.times.worst_s <= recorder.times.total_s


def test_after_close_nothing_is_taken(recorder: Recorder) -> None:
    recorder.close()
    with pytest.raises(StoreError, match="closed"):
        recorder.submit(left(1))


def test_a_full_card_admits_nobody_and_loses_no_report(
    monkeypatch: pytest.MonkeyPatch, store: Store, inbox: SimpleQueue[Observation], recorder: Recorder
) -> None:
    monkeypatch.setattr(recorder_room, "RETRY_S", 0.02)
    with full_card(store):
        recorder.submit(left(1))
        assert inbox.get(timeout=ANSWER_S) == DeviceFailed(device=Device.STORE, fault="storage_full")
        recorder.submit(grant(2))
        assert inbox.get(timeout=ANSWER_S) == DeviceFailed(device=Device.STORE, fault="storage_full")
        recorder.submit(left(3))
        while recorder.kept < 2:
            assert inbox.empty(), "a fault that lasts is told once, not at each try"
    assert inbox.get(timeout=ANSWER_S) == DeviceReady(device=Device.STORE)
    recorder.submit(grant(4))
    assert inbox.get(timeout=ANSWER_S) == Recorded(grant_id=4)
    assert kinds(store) == [("left", b'{"visit":1}'), ("left", b'{"visit":3}'), ("granted", b'{"visit":4}')]
    assert [unfinished.grant_id for unfinished in store.unfinished_grants()] == [4]


def test_a_card_that_can_not_be_written_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, store: Store, inbox: SimpleQueue[Observation], recorder: Recorder
) -> None:
    """EFBIG from the kernel at the write-ahead log."""
    monkeypatch.setattr(recorder_room, "RETRY_S", 0.02)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        recorder.submit(grant(1))
        answer = inbox.get(timeout=ANSWER_S)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer == DeviceFailed(device=Device.STORE, fault="storage_error")
    # Nobody reports anything, and still it is noticed that the card works again.
    assert inbox.get(timeout=ANSWER_S) == DeviceReady(device=Device.STORE)
    assert kinds(store) == []


def test_a_contradiction_is_told_and_ends(
    monkeypatch: pytest.MonkeyPatch, store: Store, inbox: SimpleQueue[Observation], recorder: Recorder
) -> None:
    monkeypatch.setattr(recorder_room, "RETRY_S", 0.02)
    recorder.submit(grant(1))
    recorder.submit(grant(1))
    assert [inbox.get(timeout=ANSWER_S) for _ in range(3)] == [
        Recorded(grant_id=1),
        DeviceFailed(device=Device.STORE, fault="storage_conflict"),
        DeviceReady(device=Device.STORE),
    ]


def test_reports_beyond_the_bound_are_dropped_and_that_is_an_event(
    monkeypatch: pytest.MonkeyPatch, store: Store, inbox: SimpleQueue[Observation], recorder: Recorder
) -> None:
    monkeypatch.setattr(recorder_room, "RETRY_S", 0.02)
    monkeypatch.setattr(recorder_room, "KEPT_LIMIT", 3)
    with full_card(store):
        for visit in range(1, 6):
            recorder.submit(left(visit))
        while recorder.pending or recorder.kept < 3:
            threading.Event().wait(0.01)
    while inbox.get(timeout=ANSWER_S) != DeviceReady(device=Device.STORE):
        continue
    assert [kind for kind, _ in kinds(store)] == ["left", "left", "left", "fault"]


class Broken:
    """A card whose driver fails in a way that nobody thought of, until it is mended."""

    def __init__(self, store: Store) -> None:
        self.store, self.broken = store, True

    def commit_all(self, jobs: Sequence[Record | Report]) -> list[int | StoreError]:
        if self.broken:
            raise MemoryError("no memory for a page")
        return self.store.commit_all(jobs)

    def probe(self) -> None:
        if self.broken:
            raise MemoryError("no memory for a page")
        self.store.probe()

    def checkpoint(self) -> None:
        raise MemoryError("no memory for a page")


def test_an_unforeseen_error_is_a_fault_of_the_store_and_ends_no_thread(
    store: Store, inbox: SimpleQueue[Observation]
) -> None:
    card = Broken(store)
    recorder = Recorder(store=card, put=inbox.put)
    try:
        recorder.submit(left(1))
        recorder.submit(grant(1))
        assert inbox.get(timeout=ANSWER_S) == DeviceFailed(device=Device.STORE, fault="storage_error")
        card.broken = False
        while inbox.get(timeout=ANSWER_S) != DeviceReady(device=Device.STORE):
            pass
        recorder.submit(grant(2))
        assert inbox.get(timeout=ANSWER_S) == Recorded(grant_id=2)
    finally:
        recorder.close()
