"""From a frame handed to the decoder to the relay's command, beside the bare decoder's call on the same frame.

The whole gate in lockstep: camera, worker process, verification, decision, store, barrier, with a broker. Visitors show
their phone when their temperature has long been taken. The store's commit of the grant is taken out of the comparison
and given for itself: it is the card's time. `live` is a gate as a process of its own on the wall clock.
"""

import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from gatefw.assembly import Gate
from gatefw.daemon import Turned
from gatefw.model import Record
from gatefw.settings import Settings
from gatefw.simulation.broker import Broker
from gatefw.simulation.gatelink import start_gate
from gatefw.simulation.lockstep import LockstepInbox, VirtualClock
from gatefw.simulation.rehearsal import VIRTUAL_START_UTC, Play, ground_on, yard_config
from gatefw.simulation.standalone import Released
from gatefw.simulation.strikes import await_it, live_yard, settle
from gatefw.simulation.turnstile import Controller
from gatefw.simulation.visitors import Order, VisitorPlan, plan_visitor
from gatefw.simulation.yardlink import start_yard
from gatefw.simulation.yardwords import Mode

sys.path.insert(0, str(Path(__file__).parent))  # here, and so in the worker process
from timed_camera import open_timed

AIM_RATIO = 1.10
SEED = 11
FPS = 10


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One admission, in seconds: the whole, the grant's commit in it, and the bare call on its frame."""

    whole_s: float
    commit_s: float
    bare_s: float


class Ledger:
    """Watches the loop: what each release took."""

    def __init__(self, log: Path) -> None:
        self.samples: list[Sample] = []
        self.gate: Gate | None = None
        self._log = log
        self._before_s = 0.0
        self._recording_since_s = 0.0

    def watch(self, turned: Turned) -> None:
        committing_s = self.gate.recorder.times.total_s if self.gate else 0.0
        if any(isinstance(action, Record) for action in turned.actions):
            # this step's job may be on the card already: count from the step before
            self._recording_since_s = self._before_s
        if turned.latency_s is not None:
            bare_s = float(self._log.read_text().split()[-1])
            commit_s = committing_s - self._recording_since_s
            self.samples.append(Sample(whole_s=turned.latency_s, commit_s=commit_s, bare_s=bare_s))
        self._before_s = committing_s


def visitors(count: int) -> tuple[VisitorPlan, ...]:
    """Healthy people with green codes, who look first and show their phone two seconds later."""
    drawn = (plan_visitor(number, "green_normal", SEED) for number in range(1, count + 1))
    return tuple(replace(plan, order=Order.AFTER, gap_s=1.0) for plan in drawn)


def settled(folder: Path, broker: Broker) -> Settings:
    settings = settle(folder, "bench", (broker.host, broker.port), seed=SEED, controller=Controller.LEVEL)
    return msgspec.structs.replace(settings, reader=msgspec.structs.replace(settings.reader, fps=FPS))


def in_lockstep(count: int) -> list[Sample]:
    """Let `count` visitors through as fast as the gate works."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatefw-bench-")))
        settings = settled(folder, stack.enter_context(Broker()))
        play = Play(plans=visitors(count), seed=SEED, settings=settings)
        config = yard_config(play, Mode.LOCKSTEP, starts_utc=VIRTUAL_START_UTC, starts_s=0.0)
        yard = stack.enter_context(start_yard(config))
        pins, clock, log = yard.pins(), VirtualClock(VIRTUAL_START_UTC), folder / "bare"

        def advance(until_s: float) -> float:
            clock.mono_s, edges = yard.advance(until_s)
            pins.deliver(edges)
            return clock.mono_s

        inbox = LockstepInbox(clock=clock, advance=advance)
        ground = ground_on(yard, pins, play, clock, inbox)
        ground = replace(ground, open_camera=partial(open_timed, ground.open_camera, log))
        ledger = Ledger(log)
        gate = ledger.gate = stack.enter_context(Gate(settings, ground, watch=ledger.watch))
        inbox.busy = lambda: gate.recorder.pending > 0
        inbox.every(1.0 / FPS, gate.reader.poll)
        inbox.every(settings.thermometer.settling_s, gate.sampler.poll)
        turn_until(gate, lambda: yard.everyone_left)
        return ledger.samples


def turn_until(gate: Gate, over: Callable[[], bool]) -> None:
    while not over():
        gate.daemon.turn()


def live(count: int) -> list[float]:
    """Let `count` visitors through on the wall clock; a gate of its own, as it runs on a Pi."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatefw-bench-")))
        settings = settled(folder, stack.enter_context(Broker()))
        yard = stack.enter_context(live_yard(settings, SEED, visitors(count)))
        gate = stack.enter_context(start_gate(yard, settings, seed=SEED))
        releases = partial(released, gate.lines)
        await_it(lambda: len(releases()) >= count, "everybody was let in", within_s=20.0 * count)
        return releases()


def released(lines: list[Any]) -> list[float]:
    return [line.latency_s for line in tuple(lines) if isinstance(line, Released) and line.latency_s is not None]


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Let 25 visitors through in lockstep and 2 live (quick), or 300 and 20; raises RuntimeError for too few."""
    lockstep_visitors, live_visitors = (25, 2) if quick else (300, 20)
    samples = in_lockstep(lockstep_visitors)
    if len(samples) < lockstep_visitors * 0.9:
        raise RuntimeError(f"only {len(samples)} of {lockstep_visitors} visitors were let in by a code alone")
    ours_ms = median(1000 * (sample.whole_s - sample.commit_s) for sample in samples)
    bare_ms = median(1000 * sample.bare_s for sample in samples)
    ratio = median((sample.whole_s - sample.commit_s) / sample.bare_s for sample in samples)
    aim = f"<= {AIM_RATIO:.2f} x decoder + commit"
    whole_ms = sorted(1000 * sample.whole_s for sample in samples)
    yield figure("frame to relay, commit taken out, median", ours_ms, bare_ms, ratio, aim, ratio <= AIM_RATIO)
    added_ms = median(1000 * (sample.whole_s - sample.commit_s - sample.bare_s) for sample in samples)
    yield figure("added to decoder and commit, median", added_ms)
    yield figure("frame to relay, median", median(whole_ms))
    yield figure("frame to relay, 95th of 100", whole_ms[math.ceil(0.95 * len(whole_ms)) - 1])
    yield figure("commit of the grant, median", median(1000 * sample.commit_s for sample in samples))
    yield figure(f"frame to relay, live, median of {live_visitors}", 1000 * median(live(live_visitors)))


def figure(
    name: str,
    value_ms: float,
    reference_ms: float | None = None,
    ratio: float | None = None,
    aim: str | None = None,
    met: bool | None = None,
) -> dict[str, Any]:
    told = {"bench": "latency", "figure": name, "value": value_ms, "unit": "ms"}
    return {**told, "reference": reference_ms, "ratio": ratio, "aim": aim, "met": met}
