"""The shell: take an input, call `decision.gate.step`, carry the actions out, sleep until the next deadline.

One thread runs the loop; every other thread only enqueues. A step that is completed toggles the barrier's heartbeat
and feeds the watchdog; nothing else does, so a loop that hangs lets the relay go and is restarted. The loop
knows no rule and the rules know no clock: this is the only place where both meet.
"""

import logging
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from gatefw.credentials.formats import examine
from gatefw.credentials.trust import TrustStore
from gatefw.decision import gate
from gatefw.decision.passback import code_key, person_key
from gatefw.decision.state import GateState, Rules
from gatefw.model import (
    Action,
    CodeGlimpsed,
    CodeScanned,
    CodesConflicted,
    Credential,
    FeedbackSensed,
    FireSensed,
    FrameRead,
    FreeEgress,
    Input,
    Instant,
    PassageSensed,
    Record,
    Release,
    Report,
    Scan,
    Show,
    TamperSensed,
    Ticked,
    Withdraw,
)
from gatefw.ports import Barrier, Clock, Inbox, Indicator, Observation, Recorder, Watchdog

log = logging.getLogger(__name__)

BEAT_S: Final = 0.05
"""The loop turns at least this often, so that the charge pump (off within 0.5 s) has several edges to spare."""

FRAME_AGE_S: Final = 2.0
"""An older frame shows who stood there, not who stands there: after a stall its code must not join the next visitor.

Several times what a loaded board needs from exposure to answer.
"""

EDGES_KEPT: Final = 4
"""Of one contact's edges that wait together only the newest count: they are taken at one moment, and debounced."""

Monitor = Callable[[Instant], Input | None]
"""Looked at on every turn: an input when something has changed that no device enqueues by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turned:
    """One completed step, for whoever watches: the demo's view, the simulation's ledger, a benchmark.

    `latency_s` is set on a release whose grant followed from a code alone (the temperature was ready): real seconds
    from the frame's hand-over to the relay command.
    """

    input: Input
    now: Instant
    state: GateState
    actions: tuple[Action, ...]
    latency_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Devices:
    """What the loop drives and reads, all by their ports."""

    clock: Clock
    inbox: Inbox
    recorder: Recorder
    barrier: Barrier
    indicator: Indicator
    watchdog: Watchdog
    monitors: tuple[Monitor, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the gate goes by: rules, trusted keys, and the secret that turns persons into keys."""

    rules: Rules
    trust: TrustStore
    site_secret: bytes = field(repr=False)


class QueueInbox:
    """The loop's queue in real life: `get` sleeps until something comes or the time is reached.

    All that waits is taken at once, which is far quicker than any contact chatters: the queue can't grow, and a fire
    is never more than a few steps behind.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Observation] = queue.SimpleQueue()
        self._taken: deque[Observation] = deque()

    def put(self, observation: Observation) -> None:
        """Enqueue from any thread; never blocks."""
        self._queue.put(observation)

    def get(self, until_s: float) -> Observation | None:
        """Next observation, or None at monotonic `until_s`."""
        if not self._taken:
            try:
                self._taken.append(self._queue.get(timeout=max(0.0, until_s - time.monotonic())))
            except queue.Empty:
                return None
        waiting = self._queue.qsize()
        if waiting:
            self._taken.extend(self._queue.get_nowait() for _ in range(waiting))
            self._taken = newest_edges(self._taken)
        return self._taken.popleft()


def newest_edges(waiting: Sequence[Observation]) -> deque[Observation]:
    """Keep the order of what waits, and of each contact's edges the newest `EDGES_KEPT`."""
    kept: deque[Observation] = deque()
    edges: Counter[type] = Counter()
    for observation in reversed(waiting):
        if isinstance(observation, PassageSensed | FireSensed | TamperSensed | FeedbackSensed):
            edges[type(observation)] += 1
            if edges[type(observation)] > EDGES_KEPT:
                continue
        kept.appendleft(observation)
    return kept


class Daemon:
    """The loop. `begin` takes what `gate.start` gave; `run` turns until `stop`."""

    def __init__(
        self,
        *,
        devices: Devices,
        known: Known,
        begin: tuple[GateState, tuple[Action, ...]],
        watch: Callable[[Turned], None] = lambda turned: None,
    ) -> None:
        self._devices = devices
        self._known = known
        self._watch = watch
        self._stopping = False
        self._handed_s: float | None = None
        self._state, actions = begin
        self._carry_out(actions, devices.clock.now())

    @property
    def state(self) -> GateState:
        """The gate's state after the last completed step."""
        return self._state

    def run(self) -> None:
        """Turn until `stop`; the barrier is left withdrawn."""
        try:
            while not self._stopping:
                self.turn()
        finally:
            self._devices.barrier.withdraw()

    def stop(self) -> None:
        """End `run` after the step under way; callable from a signal handler or another thread."""
        self._stopping = True
        self._devices.inbox.put(Ticked())

    def turn(self) -> None:
        """Wait for one observation or deadline, and take the steps that follow from it."""
        devices = self._devices
        now_s = devices.clock.now().mono_s
        due_s = gate.next_deadline(self._state, now_s, self._known.rules)
        latest_s = now_s + BEAT_S
        observation = devices.inbox.get(latest_s if due_s is None else min(due_s, latest_s))
        for given in self._inputs(observation):
            self._step(given, observation)

    def _inputs(self, observation: Observation | None) -> Iterator[Input]:
        now = self._devices.clock.now()
        yield self._perceived(observation, now)
        for monitor in self._devices.monitors:
            changed = monitor(now)
            if changed is not None:
                yield changed

    def _perceived(self, observation: Observation | None, now: Instant) -> Input:
        if observation is None:
            return Ticked()
        if not isinstance(observation, FrameRead):
            return observation
        if now.mono_s - observation.captured_s > FRAME_AGE_S:
            return Ticked()
        texts = {scan.text for scan in observation.scans}
        if len(texts) > 1:
            return CodesConflicted()
        if texts:
            return self._verified(observation.scans[0], now)
        return CodeGlimpsed() if observation.glimpsed else Ticked()

    def _verified(self, scan: Scan, now: Instant) -> CodeScanned:
        outcome = examine(scan.text, self._known.trust, now).outcome
        if isinstance(outcome, Credential):
            person = person_key(self._known.site_secret, outcome)
            kept = replace(outcome, subject=b"")  # who it is leaves this call only as a key
            return CodeScanned(outcome=kept, person=person, code=code_key(outcome), decoder=scan.decoder)
        return CodeScanned(outcome=outcome, person=None, code=None, decoder=scan.decoder)

    def _step(self, given: Input, observation: Observation | None) -> None:
        devices = self._devices
        now = devices.clock.now()
        self._state, actions = gate.step(self._state, given, now, self._known.rules)
        latency_s = self._carry_out(actions, now, observation)
        devices.indicator.refresh(now.mono_s)
        devices.barrier.beat()
        devices.watchdog.beat()
        self._watch(Turned(input=given, now=now, state=self._state, actions=actions, latency_s=latency_s))

    def _carry_out(
        self, actions: tuple[Action, ...], now: Instant, observation: Observation | None = None
    ) -> float | None:
        latency_s = None
        for action in actions:
            self._do(action, now)
            if isinstance(action, Record):
                self._handed_s = observation.handed_s if isinstance(observation, FrameRead) else None
            if isinstance(action, Release) and self._handed_s is not None:
                latency_s = time.monotonic() - self._handed_s
        return latency_s

    def _do(self, action: Action, now: Instant) -> None:
        devices = self._devices
        match action:
            case Record() | Report():
                devices.recorder.submit(action)
                log.info("%s %s", action.event.kind, action.event.reason or action.event.fault or "")
            case Release(hold_s=hold_s):
                devices.barrier.release(hold_s)
            case Withdraw():
                devices.barrier.withdraw()
            case FreeEgress():
                devices.barrier.free_egress()
            case Show(signal=signal):
                devices.indicator.show(signal, now.mono_s)
            case _:
                assert_never(action)
