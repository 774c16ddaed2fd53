"""The thread in front of the store: jobs in order, one fsync for all that wait, each answered by the inbox.

Rules of this file:
- `Recorded` is put only after the commit that holds the grant.
- A grant that can't be committed is given up at once (`DeviceFailed`): it never opens later.
- A report that can't be committed is kept, in order, and tried again until the card takes it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gatefw.errors import StoreError
from gatefw.model import Device, DeviceFailed, DeviceReady, EventKind, Record, Recorded, Report
from gatefw.ports import Put

RETRY_S: Final = 0.5
COPY_BACK_S: Final = 1.0
GROUP_LIMIT: Final = 256
"""The most jobs under one fsync, so that the first of them isn't kept waiting."""

KEPT_LIMIT: Final = 10_000
"""Reports kept in memory while the card takes nothing: hours of a busy lane, about 5 MB."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitTimes:
    """How many groups were committed, the time they took together and the longest one, in seconds."""

    count: int
    total_s: float
    worst_s: float


class Card(Protocol):
    """What keeps the jobs: a `Store`, or an `AbsentStore` in its place. Each call may raise StoreError."""

    def commit_all(self, jobs: Sequence[Record | Report]) -> list[int | StoreError]:
        """Commit jobs in order; for each its seq, or why it alone was refused."""
        ...

    def probe(self) -> None:
        """Return when commits are taken."""
        ...

    def checkpoint(self) -> None:
        """Copy a long write-ahead log back."""
        ...


def _nothing() -> None:
    """Tell nobody."""


class Recorder:
    """Takes jobs from the loop and commits them in its own thread. `committed` is called after each commit."""

    def __init__(self, *, store: Card, put: Put, committed: Callable[[], None] = _nothing) -> None:
        self._store = store
        self._put = put
        self._committed = committed
        self._wake = threading.Condition()
        self._waiting: deque[Record | Report] = deque()
        self._in_hand = 0
        self._closing = False
        self._kept: deque[Report] = deque()
        self._dropped: Report | None = None
        self._fault: str | None = None
        self.times = CommitTimes(count=0, total_s=0.0, worst_s=0.0)
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="recorder", daemon=True),
            threading.Thread(target=self._copy_back, name="store-copy-back", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """Jobs not answered yet. Reports kept after a failure have been answered (by `DeviceFailed`)."""
        with self._wake:
            return len(self._waiting) + self._in_hand

    @property
    def kept(self) -> int:
        """Reports that the card didn't take and that will be tried again."""
        return len(self._kept)

    def submit(self, job: Record | Report) -> None:
        """Queue a job; returns at once. After `close` it raises StoreError `storage_closed`."""
        with self._wake:
            if self._closing:
                raise StoreError("storage_closed", "The recorder is closed: nothing can be recorded any more.")
            self._waiting.append(job)
            self._wake.notify()

    def close(self) -> int:
        """Commit what waits, end the thread, return how many reports the card never took."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        for thread in self._threads:
            thread.join()
        return len(self._kept)

    def _run(self) -> None:
        while True:
            jobs = self._take()
            if jobs or self._fault:
                self._attempt(jobs)
                self._committed()  # the link hears of it after the visitor's answer is on its way
            with self._wake:
                self._in_hand = 0
                if self._closing and not self._waiting:
                    break
        self._closed.set()

    def _take(self) -> list[Record | Report]:
        """Wait for jobs (or, while the card fails, for the next try) and take them over."""
        with self._wake:
            if not self._waiting and not self._closing:
                self._wake.wait(RETRY_S if self._fault else None)
            jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
            self._in_hand = len(jobs)
            return jobs

    def _attempt(self, jobs: list[Record | Report]) -> None:
        try:
            self._commit_kept()
            refusals = self._commit(jobs)
        except StoreError as error:
            self._fail(error.code, str(error), jobs)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was committed; a dead thread would tell nobody
            self._fail("storage_error", f"The store failed unexpectedly ({type(error).__name__}).", jobs)
        else:
            if refusals:
                self._refuse(refusals)
            elif self._fault:
                self._recover(self._fault)

    def _commit_kept(self) -> None:
        if self._fault and not self._kept:
            self._store.probe()
        while self._kept:
            group = [self._kept[index] for index in range(min(len(self._kept), GROUP_LIMIT))]
            self._timed(list(group))
            for _ in group:
                self._kept.popleft()
        if self._dropped:
            self._timed([self._dropped])
            self._dropped = None

    def _commit(self, jobs: list[Record | Report]) -> list[StoreError]:
        """Commit and answer; return why single jobs were refused."""
        if not jobs:
            return []
        outcomes = self._timed(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(job, Record) and not isinstance(outcome, StoreError):
                self._put(Recorded(grant_id=job.grant_id))
        return [outcome for outcome in outcomes if isinstance(outcome, StoreError)]

    def _timed(self, jobs: list[Record | Report]) -> list[int | StoreError]:
        began_s = time.monotonic()
        outcomes = self._store.commit_all(jobs)
        took_s = time.monotonic() - began_s
        times = self.times
        self.times = CommitTimes(
            count=times.count + 1, total_s=times.total_s + took_s, worst_s=max(times.worst_s, took_s)
        )
        return outcomes

    def _refuse(self, refusals: list[StoreError]) -> None:
        """Single jobs contradict the card, which works: the fault ends with the next commit or probe."""
        for error in refusals:
            _log.error("%s", error)
            self._put(DeviceFailed(device=Device.STORE, fault=error.code))
        self._fault = refusals[-1].code

    def _fail(self, code: str, sentence: str, jobs: list[Record | Report]) -> None:
        gave_up = any(isinstance(job, Record) for job in jobs)
        for job in jobs:
            if isinstance(job, Report):
                self._keep(job)
        if self._fault != code:
            _log.error("%s", sentence)
        if self._fault != code or gave_up:
            self._put(DeviceFailed(device=Device.STORE, fault=code))
        self._fault = code

    def _keep(self, job: Report) -> None:
        if len(self._kept) < KEPT_LIMIT:
            self._kept.append(job)
            return
        if self._dropped is None:
            _log.critical("The card takes nothing and the memory is full: events are being lost.")
        event = replace(job.event, kind=EventKind.FAULT, device=Device.STORE, fault="events_dropped")
        self._dropped = Report(event=event)

    def _recover(self, fault: str) -> None:
        _log.warning("The store works again (it had %s).", fault)
        self._fault = None
        self._put(DeviceReady(device=Device.STORE))

    def _copy_back(self) -> None:
        """Keep the write-ahead log short from beside: a checkpoint by another connection delays no commit."""
        while not self._closed.wait(COPY_BACK_S):
            try:
                self._store.checkpoint()
            except Exception as error:  # noqa: BLE001 - tried again in a second; a dead thread would let the log grow
                _log.warning("The write-ahead log can't be copied back: %s", error)
