"""Virtual time in lockstep with the yard: while the gate works time stands still, and only `get` lets it move on.

The same loop, drivers and threads as in real life, with one difference: what would be a thread's cadence (a frame, a
sample) or a timer is due at a virtual time here, and is done by the loop's own thread when it waits for the next
observation. So the same seed gives the same run, and an hour takes a minute.
"""

import heapq
import itertools
import queue
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from gatefw.model import Instant
from gatefw.ports import Observation

CLOCK_ERROR_S: Final = 0.05
"""What the virtual clock claims of itself: a gate on NTP."""

ANSWER_S: Final = 0.001
"""How long to wait at a time for the store's thread: it answers within a millisecond or two."""


class VirtualClock:
    """Both clocks, moved by the lockstep alone: monotonic from 0, wall time from `starts_utc` (Unix seconds)."""

    def __init__(self, starts_utc: float) -> None:
        self._starts_utc = starts_utc
        self.mono_s = 0.0

    def now(self) -> Instant:
        """Read both clocks; the virtual one is trusted."""
        wall_utc = self._starts_utc + self.mono_s
        return Instant(mono_s=self.mono_s, wall_utc=wall_utc, uncertainty_s=CLOCK_ERROR_S, trusted=True)

    def monotonic(self) -> float:
        """Read the monotonic clock alone."""
        return self.mono_s


@dataclass(order=True, kw_only=True, slots=True)
class _Due:
    at_s: float
    order: int
    do: Callable[[], None] = field(compare=False)
    every_s: float | None = field(compare=False, default=None)
    cancelled: bool = field(compare=False, default=False)


class LockstepInbox:
    """The loop's queue on virtual time.

    `advance(until_s)` lets the yard go on to `until_s` or to its next contact edge and hands the edges out itself;
    it returns the yard's time. `busy()` is true while another thread still works for the present moment.
    """

    def __init__(
        self, *, clock: VirtualClock, advance: Callable[[float], float], busy: Callable[[], bool] = lambda: False
    ) -> None:
        self._clock = clock
        self._advance = advance
        self.busy = busy
        self._queue: queue.SimpleQueue[Observation] = queue.SimpleQueue()
        self._due: list[_Due] = []
        self._order = itertools.count()

    def put(self, observation: Observation) -> None:
        """Enqueue from any thread; never blocks."""
        self._queue.put(observation)

    def every(self, period_s: float, poll: Callable[[], None]) -> None:
        """Do `poll` each `period_s` of virtual time: what a device's thread does in real life."""
        self._add(_Due(at_s=self._clock.mono_s + period_s, order=next(self._order), do=poll, every_s=period_s))

    def call_later(self, delay_s: float, do: Callable[[], None]) -> Callable[[], None]:
        """Do something once after `delay_s` of virtual time; returns what takes the order back."""
        due = _Due(at_s=self._clock.mono_s + delay_s, order=next(self._order), do=do)
        self._add(due)

        def cancel() -> None:
            due.cancelled = True

        return cancel

    def get(self, until_s: float) -> Observation | None:
        """Next observation, or None once virtual time has reached `until_s`."""
        while True:
            waiting = self._next_waiting()
            if waiting is not None:
                return waiting
            if self._clock.mono_s >= until_s:
                return None
            self._go_on(until_s)

    def _add(self, due: _Due) -> None:
        heapq.heappush(self._due, due)

    def _next_waiting(self) -> Observation | None:
        """Take what is enqueued; while another thread is at work for this moment, wait for it."""
        while True:
            busy = self.busy()
            try:
                return self._queue.get(timeout=ANSWER_S) if busy else self._queue.get_nowait()
            except queue.Empty:
                if not busy:
                    return None

    def _go_on(self, until_s: float) -> None:
        next_s = self._due[0].at_s if self._due else until_s
        self._clock.mono_s = self._advance(min(next_s, until_s))
        for due in self._take_due():
            if not due.cancelled:
                due.do()

    def _take_due(self) -> Iterable[_Due]:
        while self._due and self._due[0].at_s <= self._clock.mono_s:
            due = heapq.heappop(self._due)
            if due.every_s is not None and not due.cancelled:
                again = _Due(at_s=due.at_s + due.every_s, order=next(self._order), do=due.do, every_s=due.every_s)
                self._add(again)
            yield due
