"""A gate that is killed, stopped or hangs, in each of its phases, as the yard and the broker see it.

Each case is a life of its own (yard, gate, visitor), several at once, because most of a life is waiting. Nothing is
timed here: `tools/bench safety` records how long the coil took.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from gatefw.decision.state import Phase
from gatefw.errors import DeviceFault
from gatefw.settings import Settings
from gatefw.simulation.broker import Broker
from gatefw.simulation.gatelink import GateProcess, start_gate
from gatefw.simulation.report import Report, Switch
from gatefw.simulation.standalone import Moment, Phased
from gatefw.simulation.strikes import (
    PATIENCE_S,
    POWERED,
    Target,
    Way,
    await_it,
    live_yard,
    ordered,
    pause,
    settle,
    strike,
    surroundings,
)
from gatefw.simulation.subscriber import Heard, Subscriber, tally
from gatefw.simulation.turnstile import WINDOW_S, Controller
from gatefw.simulation.visitors import Order, draw_plans
from gatefw.simulation.yardlink import YardProcess
from gatefw.store import Drain

TARGETS: Final[tuple[Target, ...]] = (*(phase for phase in Phase if phase is not Phase.RECORDING), *Moment)
"""RECORDING is too short to be hit from outside: the two moments stand for it."""
THREE_WAYS: Final = (Way.KILL, Way.STOP, Way.SPIN)
STRIKES: Final = (*((at, way) for way in THREE_WAYS for at in TARGETS), (Phase.OPEN, Way.HOLD_INTERPRETER))
LIVES_AT_ONCE: Final = 6
SEED: Final = 4
STREAMS: Final = 3
KILLS: Final = 7
"""For each stream of visitors: 21 kills in all."""
LONGEST_S: Final = 7.0
"""A visitor takes 4 to 5 s from the start of a gate to the grant, so that kills fall before, in and after it."""


def _started(phase: Phase) -> bool:
    return phase is not Phase.STARTING


def _desk(phase: Phase) -> bool:
    return phase is Phase.DESK


SERVING: Final[dict[Target, Callable[[Phase], bool]]] = {
    **dict.fromkeys(TARGETS, _started),
    Moment.RECORDED: _desk,  # the visitor still stands there, with a code that is spent
}
"""When the gate that comes after serves again."""


@dataclass(frozen=True, kw_only=True)
class Next:
    """What was seen of the gate that came after one that was killed: `committed` was on the card when it came."""

    committed: tuple[str, ...]
    sent: tuple[str, ...]
    powered: int
    serving: Phase
    exit_code: int
    survivors: int
    report: Report


@dataclass(frozen=True, kw_only=True)
class Life:
    """What was seen of one life: the yard's report when the coil had been let go, and who was left at its end."""

    off: Report
    survivors: int
    next: Next | None


@dataclass(frozen=True, kw_only=True)
class Ops:
    """Broker and subscriber of all lives."""

    broker: Broker
    subscriber: Subscriber

    @property
    def address(self) -> tuple[str, int]:
        return self.broker.host, self.broker.port

    def heard(self, gate: str) -> list[Heard]:
        """Each event of one gate once, in its order."""
        by_key = {heard.key: heard for heard in self.subscriber.heard if heard.topic.split("/")[2] == gate}
        return [by_key[key] for key in sorted(by_key, key=lambda key: int(key.rsplit("-", 1)[1]))]


def name_of(at: Target, way: Way, controller: Controller = Controller.LEVEL) -> str:
    return f"{way.name}-{at.name}-{controller}".lower().replace("_", "-").replace("-level", "")


def keys(store: str) -> tuple[str, ...]:
    """Every key that is on the card."""
    if not Path(store).exists():
        return ()
    with Drain(Path(store)) as drain:
        return tuple(f"{drain.epoch}-{seq}" for seq in range(1, drain.last_seq() + 1))


def drained(store: str) -> bool:
    with Drain(Path(store)) as drain:
        return drain.unacked_count() == 0


def restart(yard: YardProcess, settings: Settings, serving: Callable[[Phase], bool]) -> Next:
    """Start a gate on the same store; wait until it serves again and has told all; stop it as its service would."""
    committed = keys(settings.store.path)
    with start_gate(yard, settings, seed=SEED) as gate:
        line = gate.await_any(serving, "serving", PATIENCE_S)
        await_it(lambda: drained(settings.store.path), "the broker has all")
        gate.stop()
        entered = [line.phase for line in gate.lines if isinstance(line, Phased)]
    return Next(
        committed=committed,
        sent=keys(settings.store.path),
        powered=sum(phase in POWERED for phase in entered),
        serving=line.phase,
        exit_code=gate.await_end(PATIENCE_S),
        survivors=left_over(gate),
        report=yard.report(),
    )


def left_over(gate: GateProcess) -> int:
    """Count the gate's processes that nothing ends: each gets its time."""
    with contextlib.suppress(DeviceFault):
        await_it(lambda: not gate.survivors(), "all processes of the gate are gone", within_s=5.0)
    return len(gate.survivors())


def live(folder: Path, ops: Ops, at: Target, way: Way, controller: Controller = Controller.LEVEL) -> Life:
    """One life: to the moment, the strike, the end, and for one that was killed a new start."""
    settings = settle(folder, name_of(at, way, controller), ops.address, seed=SEED, controller=controller)
    with live_yard(settings, SEED, *surroundings(at, SEED)) as yard:
        with start_gate(yard, settings, seed=SEED, strike=ordered(at, way)) as gate:
            off = strike(yard, gate, at, way).report
        # one that hangs is killed by its watchdog, and from then on is like any other that was killed
        survivors = left_over(gate)
        # nobody new is admitted, so that whatever opens opens by itself; but a spent code must be seen again
        yard.switch(Switch.BLANK_FRAMES, on=at is not Moment.RECORDED)
        goes_on = way is Way.KILL or controller is Controller.PULSE
        return Life(off=off, survivors=survivors, next=restart(yard, settings, SERVING[at]) if goes_on else None)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What was seen of a gate that was killed again and again while visitors came."""

    committed: tuple[tuple[str, ...], ...]
    report: Report
    kinds: tuple[str, ...]


def live_on(folder: Path, ops: Ops, name: str, seed: int) -> Stream:
    """Kill one gate after another on the same store while visitors stream by."""
    settings = settle(folder, name, ops.address, seed=seed, controller=Controller.LEVEL)
    dice = random.Random(seed)
    drawn = draw_plans(60, seed, ("green_normal", "grant_not_used", "dark_mode"))
    plans = tuple(replace(plan, gap_s=0.2, order=Order.WITH_FACE) for plan in drawn)
    committed = []
    with live_yard(settings, seed, plans) as yard:
        for _ in range(KILLS):
            with start_gate(yard, settings, seed=seed) as gate:
                gate.await_phase(Phase.STARTING, PATIENCE_S)
                pause(dice.uniform(0.0, LONGEST_S))
                gate.strike(Way.KILL.value)
                gate.await_end(PATIENCE_S)
            committed.append(keys(settings.store.path))
        yard.switch(Switch.BLANK_FRAMES, on=True)
        restart(yard, settings, _started)
        committed.append(keys(settings.store.path))
        report = yard.report()
    ops_know(ops, committed[-1])
    return Stream(committed=tuple(committed), report=report, kinds=kinds(ops.heard(name)))


def kinds(heard: list[Heard]) -> tuple[str, ...]:
    return tuple(one.event["type"].rsplit(".", 1)[1] for one in heard)


def ops_know(ops: Ops, sent: tuple[str, ...]) -> None:
    await_it(lambda: ops.subscriber.tally(sent).missing == 0, "ops know every event")


# ---------------------------------------------------------------- the lives


@pytest.fixture(scope="module")
def ops() -> Iterator[Ops]:
    with Broker() as broker, Subscriber(broker.host, broker.port) as subscriber:
        yield Ops(broker=broker, subscriber=subscriber)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(LIVES_AT_ONCE)
    yield pool
    pool.shutdown(cancel_futures=True)


Lives = dict[str, Future[Life]]


@pytest.fixture(scope="module")
def streams(ops: Ops, pool: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory) -> list[Future[Stream]]:
    names = [f"stream-{number}" for number in range(STREAMS)]
    return [
        pool.submit(live_on, tmp_path_factory.mktemp(name), ops, name, seed) for seed, name in enumerate(names, start=1)
    ]


@pytest.fixture(scope="module")
def lives(
    streams: list[Future[Stream]], ops: Ops, pool: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory
) -> Lives:
    """All lives; the streams take longest and begin first."""
    wanted = [(at, way, Controller.LEVEL) for at, way in STRIKES]
    wanted += [(Phase.OPEN, way, Controller.PULSE) for way in THREE_WAYS]
    return {name_of(*case): pool.submit(live, tmp_path_factory.mktemp(name_of(*case)), ops, *case) for case in wanted}


def told(target: Target | Way) -> str:
    return target.name.lower()


every_strike = pytest.mark.parametrize(("at", "way"), STRIKES, ids=told)
every_kill = pytest.mark.parametrize("at", TARGETS, ids=told)


def next_of(lives: Lives, at: Target) -> Next:
    following = lives[name_of(at, Way.KILL)].result().next
    assert following
    return following


# ---------------------------------------------------------------- the relay


@every_strike
def test_relay_is_off_and_stays_off(lives: Lives, at: Target, way: Way) -> None:
    off = lives[name_of(at, way)].result().off
    assert all(span.off_s is not None for span in off.coil)
    assert bool(off.coil) == (at in POWERED or at is Phase.PASSING), "the coil had been on where it should"


@pytest.mark.parametrize("way", [Way.STOP, Way.SPIN, Way.HOLD_INTERPRETER], ids=told)
def test_coil_is_let_go_while_the_line_still_asks_for_it(lives: Lives, way: Way) -> None:
    """By the missing heartbeat, long before the hold is over: a gate that hangs need not do anything."""
    off = lives[name_of(Phase.OPEN, way)].result().off
    coil, line = off.coil[-1], off.relay_line[-1]
    assert coil.off_s is not None
    assert line.off_s is None or line.off_s > coil.off_s


@every_kill
def test_next_gate_opens_for_nobody_by_itself(lives: Lives, at: Target) -> None:
    life, following = lives[name_of(at, Way.KILL)].result(), next_of(lives, at)
    assert len(following.report.coil) == len(life.off.coil) + following.powered
    assert following.powered == (1 if at is Phase.FIRE else 0)


@pytest.mark.parametrize("way", THREE_WAYS, ids=told)
def test_fire_panel_keeps_the_way_open_without_the_gate(lives: Lives, way: Way) -> None:
    off = lives[name_of(Phase.FIRE, way)].result().off
    (unlocked,) = off.unlocked
    assert unlocked.off_s is None
    assert off.coil[-1].off_s is not None


@pytest.mark.parametrize("way", THREE_WAYS, ids=told)
def test_pulse_controller_stays_open_no_longer_than_its_window(lives: Lives, way: Way) -> None:
    following = lives[name_of(Phase.OPEN, way, Controller.PULSE)].result().next
    assert following
    (unlocked,) = following.report.unlocked
    assert unlocked.off_s is not None
    assert unlocked.off_s - unlocked.on_s <= WINDOW_S + 1e-6  # the yard's own physics, not a time of ours


# ---------------------------------------------------------------- what is left, and who comes after


@every_strike
def test_no_process_outlives_the_gate(lives: Lives, at: Target, way: Way) -> None:
    assert lives[name_of(at, way)].result().survivors == 0


@every_kill
def test_next_gate_serves_and_ends_in_order(lives: Lives, at: Target) -> None:
    following = next_of(lives, at)
    lasting = {Phase.FIRE: {Phase.FIRE}, Phase.OUT_OF_SERVICE: {Phase.OUT_OF_SERVICE}, Moment.RECORDED: {Phase.DESK}}
    assert following.serving in lasting.get(at, {Phase.IDLE, Phase.ATTENDING})
    assert (following.exit_code, following.survivors) == (0, 0)


# ---------------------------------------------------------------- events


@every_kill
def test_no_event_is_lost_or_told_twice(lives: Lives, ops: Ops, at: Target) -> None:
    following = next_of(lives, at)
    ops_know(ops, following.sent)
    heard = ops.heard(name_of(at, Way.KILL))
    assert following.sent[: len(following.committed)] == following.committed, "what was on the card, under its epoch"
    assert tuple(one.key for one in heard) == following.sent
    counted = tally(heard, following.sent)
    assert (counted.missing, counted.duplicates) == (0, 0)


@every_kill
def test_each_grant_ends_once(lives: Lives, ops: Ops, at: Target) -> None:
    ops_know(ops, next_of(lives, at).sent)
    said = kinds(ops.heard(name_of(at, Way.KILL)))
    assert said.count("granted") == said.count("passed") + said.count("not_used")
    if at in (Phase.OPEN, Phase.PASSING, Moment.RECORDED):
        assert said.count("granted") == said.count("not_used") == 1


def test_spent_code_stays_spent(lives: Lives, ops: Ops) -> None:
    """The visitor whose grant was on the card, and nothing more, still stands there when the next gate begins."""
    ops_know(ops, next_of(lives, Moment.RECORDED).sent)
    heard = ops.heard(name_of(Moment.RECORDED, Way.KILL))
    said = [(kind, one.event["data"].get("reason")) for kind, one in zip(kinds(heard), heard, strict=True)]
    assert ("refused", "spent") in said
    assert [kind for kind, _ in said].count("granted") == 1


# ---------------------------------------------------------------- at random moments


@pytest.mark.parametrize("stream", range(STREAMS))
def test_kills_at_random_moments_lose_no_event_and_tell_none_twice(
    streams: list[Future[Stream]], ops: Ops, stream: int
) -> None:
    seen = streams[stream].result()
    for before, after in zip(seen.committed, seen.committed[1:], strict=False):
        assert after[: len(before)] == before
    heard = ops.heard(f"stream-{stream}")
    counted = tally(heard, seen.committed[-1])
    assert tuple(one.key for one in heard) == seen.committed[-1]
    assert (counted.missing, counted.duplicates) == (0, 0)
    assert seen.kinds.count("started") == KILLS + 1
    assert seen.kinds.count("granted") == seen.kinds.count("passed") + seen.kinds.count("not_used")


@pytest.mark.parametrize("stream", range(STREAMS))
def test_relay_was_never_on_without_a_grant(streams: list[Future[Stream]], stream: int) -> None:
    seen = streams[stream].result()
    assert len(seen.report.coil) <= seen.kinds.count("granted")
    assert all(span.off_s is not None for span in seen.report.coil)


def test_streams_were_let_through(streams: list[Future[Stream]]) -> None:
    assert any(stream.result().report.coil for stream in streams)
