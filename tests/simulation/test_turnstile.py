"""The turnstile's physics: pump, controllers, bodies, fire."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatefw.simulation.turnstile import (
    ARMATURE_S,
    PASSAGE_S,
    PULSE_S,
    PUMP_HOLD_S,
    WINDOW_S,
    ChargePump,
    Controller,
    How,
    Turnstile,
)


class Bench:
    """A turnstile on a bench, with somebody who turns its time and beats its heart."""

    def __init__(self, controller: Controller) -> None:
        self.turnstile = Turnstile(controller=controller)
        self.now_s = 0.0
        self._heart = False

    def run_to(self, until_s: float) -> None:
        while (due_s := self.turnstile.next_s()) <= until_s:
            assert due_s >= self.now_s
            self.now_s = due_s
            self.turnstile.advance(due_s)
        self.now_s = until_s

    def beat_to(self, until_s: float, every_s: float = 0.05) -> None:
        while self.now_s + every_s <= until_s:
            self.run_to(self.now_s + every_s)
            self.edge()
        self.run_to(until_s)

    def edge(self) -> None:
        self._heart = not self._heart
        self.turnstile.set_heartbeat(self._heart, self.now_s)

    def relay(self, high: bool) -> None:
        self.turnstile.set_relay(high, self.now_s)

    @property
    def unlocked(self) -> bool:
        return self.turnstile.unlocked.on


@pytest.fixture(params=list(Controller))
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


@pytest.fixture
def level() -> Bench:
    return Bench(Controller.LEVEL)


@pytest.fixture
def pulse() -> Bench:
    return Bench(Controller.PULSE)


def open_window(bench: Bench) -> None:
    bench.beat_to(1.0)
    bench.relay(True)
    bench.beat_to(1.2)
    assert bench.unlocked


def test_relay_line_without_heartbeat_moves_nothing(bench: Bench) -> None:
    bench.relay(True)
    bench.run_to(10.0)
    assert bench.turnstile.coil.spans() == ()
    assert not bench.unlocked


def test_one_stray_edge_does_not_feed_the_coil(bench: Bench) -> None:
    bench.relay(True)
    bench.edge()
    bench.run_to(1.0)
    assert bench.turnstile.coil.spans() == ()


def test_heartbeat_level_without_edges_does_not_feed_the_coil(bench: Bench) -> None:
    bench.relay(True)
    for _ in range(50):
        bench.turnstile.set_heartbeat(True, bench.now_s)
        bench.run_to(bench.now_s + 0.02)
    assert bench.turnstile.coil.spans() == ()


def test_heartbeat_alone_releases_nothing(bench: Bench) -> None:
    bench.beat_to(5.0)
    assert bench.turnstile.coil.spans() == ()
    assert bench.turnstile.unlocked.spans() == ()


@given(gaps_s=st.lists(st.floats(0.001, 0.3), max_size=40))
@settings(max_examples=60, deadline=None)
def test_coil_drops_within_the_hold_after_the_last_edge_whatever_came_before(gaps_s: list[float]) -> None:
    pump = ChargePump()
    at_s = 0.0
    for gap_s in gaps_s:
        at_s += gap_s
        pump.edge(at_s)
    assert pump.fed_until_s() <= at_s + PUMP_HOLD_S + 1e-9


@pytest.mark.parametrize("every_s", [0.005, 0.05, 0.1])
def test_steady_heartbeat_keeps_the_pump_fed(every_s: float) -> None:
    pump = ChargePump()
    for n in range(1, 200):
        pump.edge(n * every_s)
    assert pump.fed_until_s() > 199 * every_s + every_s


def test_coil_is_off_soon_after_the_heart_stops(level: Bench) -> None:
    open_window(level)
    stopped_s = level.now_s
    level.run_to(stopped_s + 5.0)
    (span,) = level.turnstile.coil.spans()
    assert span.off_s is not None
    assert stopped_s < span.off_s <= stopped_s + PUMP_HOLD_S
    assert not level.unlocked


def test_level_controller_locks_when_the_relay_falls(level: Bench) -> None:
    open_window(level)
    level.relay(False)
    level.beat_to(level.now_s + 2 * ARMATURE_S, every_s=0.001)
    assert not level.unlocked


def test_contact_follows_the_coil(level: Bench) -> None:
    open_window(level)
    (coil,) = level.turnstile.coil.spans()
    (contact,) = level.turnstile.contact.spans()
    assert contact.on_s == pytest.approx(coil.on_s + ARMATURE_S)


def test_pulse_controller_latches_its_window_past_the_relay(pulse: Bench) -> None:
    open_window(pulse)
    pulse.relay(False)
    pulse.beat_to(8.0)
    (window,) = pulse.turnstile.unlocked.spans()
    assert window.on_s == pytest.approx(1.0 + ARMATURE_S + PULSE_S)
    assert window.off_s == pytest.approx(window.on_s + WINDOW_S)


def test_pulse_that_is_too_short_opens_nothing(pulse: Bench) -> None:
    pulse.beat_to(1.0)
    pulse.relay(True)
    pulse.beat_to(1.0 + PULSE_S * 0.8, every_s=0.01)
    pulse.relay(False)
    pulse.beat_to(8.0)
    assert pulse.turnstile.unlocked.spans() == ()


def test_stop_ends_the_latched_window(pulse: Bench) -> None:
    open_window(pulse)
    pulse.relay(False)
    pulse.beat_to(2.0)
    pulse.turnstile.set_stop(True, pulse.now_s)
    assert not pulse.unlocked


def test_stop_spares_an_occupied_passage(pulse: Bench) -> None:
    open_window(pulse)
    assert pulse.turnstile.enter(1, pulse.now_s)
    pulse.turnstile.set_stop(True, pulse.now_s)
    entered_s = pulse.now_s
    pulse.beat_to(entered_s + 3.0)
    (passage,) = pulse.turnstile.passages()
    assert passage.out_s == pytest.approx(entered_s + PASSAGE_S)


def test_locked_turnstile_lets_nobody_in(bench: Bench) -> None:
    bench.beat_to(1.0)
    assert not bench.turnstile.enter(1, bench.now_s)
    assert not bench.turnstile.occupied.on
    assert bench.turnstile.passages() == ()


def test_one_body_a_window(bench: Bench) -> None:
    open_window(bench)
    assert bench.turnstile.enter(1, bench.now_s)
    assert not bench.turnstile.enter(2, bench.now_s)
    bench.beat_to(bench.now_s + PASSAGE_S + 0.1)
    assert not bench.turnstile.enter(2, bench.now_s)


def test_next_release_opens_the_next_window(bench: Bench) -> None:
    open_window(bench)
    assert bench.turnstile.enter(1, bench.now_s)
    bench.relay(False)
    bench.beat_to(bench.now_s + 7.0)
    bench.relay(True)
    bench.beat_to(bench.now_s + 0.3)
    assert bench.turnstile.enter(2, bench.now_s)


def test_forced_passage_does_not_eat_the_next_window(bench: Bench) -> None:
    bench.beat_to(0.5)
    assert bench.turnstile.push_through(9, bench.now_s, How.FORCED)
    bench.beat_to(3.0)
    bench.relay(True)
    bench.beat_to(3.4)
    assert bench.turnstile.enter(1, bench.now_s)


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.1])
def test_begun_passage_ends_by_itself_when_the_coil_drops(level: Bench, after_s: float) -> None:
    open_window(level)
    entered_s = level.now_s
    level.turnstile.enter(1, entered_s)
    level.beat_to(entered_s + after_s)
    level.relay(False)
    level.run_to(entered_s + 10.0)
    (passage,) = level.turnstile.passages()
    assert passage.out_s == pytest.approx(entered_s + PASSAGE_S)
    assert passage.how is How.RELEASED


def test_body_that_pushes_shows_without_release(bench: Bench) -> None:
    bench.beat_to(1.0)
    assert bench.turnstile.push_through(1, bench.now_s, How.FORCED)
    assert bench.turnstile.occupied.on
    assert bench.turnstile.unlocked.spans() == ()


def test_two_bodies_are_not_in_one_place(bench: Bench) -> None:
    bench.beat_to(1.0)
    bench.turnstile.push_through(1, bench.now_s, How.FORCED)
    assert not bench.turnstile.push_through(2, bench.now_s, How.TAILGATED)


def test_fire_panel_frees_everybody_with_a_dead_gate(bench: Bench) -> None:
    bench.turnstile.set_fire(True, 0.0)
    for visitor in range(3):
        assert bench.turnstile.enter(visitor, bench.now_s)
        bench.run_to(bench.now_s + 2.0)
    assert {p.how for p in bench.turnstile.passages()} == {How.FREE}
    bench.turnstile.set_fire(False, bench.now_s)
    assert not bench.unlocked


def test_welded_relay_closes_its_contact_with_no_coil(level: Bench) -> None:
    level.turnstile.set_welded(True, 0.0)
    level.run_to(1.0)
    assert level.turnstile.contact.on
    assert level.turnstile.coil.spans() == ()
    assert level.unlocked


@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["relay", "beat", "stop", "enter", "push", "fire"]), st.booleans(), st.floats(0, 2)),
        max_size=40,
    ),
    controller=st.sampled_from(list(Controller)),
)
@settings(max_examples=80, deadline=None)
def test_nothing_closes_on_a_body_and_time_always_moves(
    moves: list[tuple[str, bool, float]], controller: Controller
) -> None:
    bench = Bench(controller)
    for move, on, wait_s in moves:
        turnstile = bench.turnstile
        match move:
            case "relay":
                turnstile.set_relay(on, bench.now_s)
            case "stop":
                turnstile.set_stop(on, bench.now_s)
            case "fire":
                turnstile.set_fire(on, bench.now_s)
            case "enter":
                turnstile.enter(1, bench.now_s)
            case "push":
                turnstile.push_through(2, bench.now_s, How.FORCED)
            case _:
                bench.beat_to(bench.now_s + 0.3)
        bench.run_to(bench.now_s + wait_s)
    bench.run_to(bench.now_s + 60.0)
    for passage in bench.turnstile.passages():
        assert passage.out_s == pytest.approx(passage.in_s + PASSAGE_S)
    assert bench.turnstile.next_s() == math.inf
