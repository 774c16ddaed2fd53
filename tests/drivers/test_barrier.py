"""The barrier over gpiozero and the yard's pin factory, on virtual timers."""

import math
import threading
from collections.abc import Callable, Iterator

import pytest
from gpiozero import OutputDevice

from gatefw.drivers.barrier import Barrier, BarrierLines, Controller, make_pin_factory, start_timer
from gatefw.errors import DeviceFault
from gatefw.model import (
    Acknowledged,
    Device,
    DeviceFailed,
    FeedbackSensed,
    FireSensed,
    PassageSensed,
    TamperSensed,
)
from gatefw.ports import Observation
from gatefw.simulation.pins import YardFactory

RELAY, HEARTBEAT, STOP = 17, 27, 22
PASSAGE, FIRE, TAMPER, FEEDBACK, ACKNOWLEDGE = 5, 6, 13, 19, 26
LINES = BarrierLines(
    relay=RELAY,
    heartbeat=HEARTBEAT,
    stop=STOP,
    passage=PASSAGE,
    fire=FIRE,
    tamper=TAMPER,
    feedback=FEEDBACK,
    acknowledge=ACKNOWLEDGE,
)


class Bench:
    """Lines with a memory, timers on a virtual clock, and a barrier between them."""

    def __init__(self, controller: Controller) -> None:
        self.now_s = 0.0
        self.levels: dict[int, float] = {}
        self.log: list[tuple[float, int, float]] = []
        self.inputs: list[Observation] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.deaf_to_cancel = False
        self.factory = YardFactory(self)
        for closed in (FIRE, TAMPER):
            self.factory.drive(closed, high=False)
        self.barrier = Barrier(
            pin_factory=self.factory,
            lines=LINES,
            controller=controller,
            put=self.inputs.append,
            call_later=self.call_later,
        )
        self.log.clear()

    def write(self, pin: int, level: float) -> None:
        self.levels[pin] = level
        self.log.append((round(self.now_s, 3), pin, level))

    def call_later(self, delay_s: float, due: Callable[[], None]) -> Callable[[], None]:
        timer = (self.now_s + delay_s, due)
        self.timers.append(timer)

        def cancel() -> None:
            if timer in self.timers and not self.deaf_to_cancel:
                self.timers.remove(timer)

        return cancel

    def run_until(self, end_s: float) -> None:
        while self.timers and min(t for t, _ in self.timers) <= end_s:
            timer = min(self.timers, key=lambda t: t[0])
            self.timers.remove(timer)
            self.now_s = timer[0]
            timer[1]()
        self.now_s = end_s

    def changes(self, pin: int) -> list[tuple[float, float]]:
        return [(at_s, level) for at_s, p, level in self.log if p == pin]

    def is_high(self, pin: int) -> bool:
        return self.levels[pin] == 1.0


@pytest.fixture
def level() -> Iterator[Bench]:
    bench = Bench("level")
    yield bench
    bench.barrier.close()
    bench.factory.close()


@pytest.fixture
def pulse() -> Iterator[Bench]:
    bench = Bench("pulse")
    yield bench
    bench.barrier.close()
    bench.factory.close()


# ---------------------------------------------------------------- level


def test_a_level_hold_ends_by_itself_even_if_nobody_calls_again(level: Bench) -> None:
    level.barrier.release(5.0)
    level.run_until(60.0)
    assert level.changes(RELAY) == [(0.0, 1.0), (5.0, 0.0)]


def test_a_second_release_starts_the_hold_anew(level: Bench) -> None:
    level.barrier.release(5.0)
    level.run_until(3.0)
    level.barrier.release(5.0)
    level.run_until(60.0)
    assert level.changes(RELAY) == [(0.0, 1.0), (8.0, 0.0)]


def test_a_withdrawn_release_is_off_at_once_and_its_timer_is_gone(level: Bench) -> None:
    level.barrier.release(5.0)
    level.run_until(1.0)
    level.barrier.withdraw()
    assert level.changes(RELAY) == [(0.0, 1.0), (1.0, 0.0)]
    assert level.timers == []


def test_a_timer_that_fires_too_late_to_be_cancelled_does_not_end_the_next_hold(level: Bench) -> None:
    level.deaf_to_cancel = True
    level.barrier.release(2.0)
    level.run_until(1.0)
    level.barrier.release(5.0)
    level.run_until(3.0)
    assert level.is_high(RELAY)


def test_withdrawing_twice_is_the_same_as_once(level: Bench) -> None:
    level.barrier.release(5.0)
    level.barrier.withdraw()
    level.barrier.withdraw()
    assert level.changes(RELAY) == [(0.0, 1.0), (0.0, 0.0)]


def test_free_egress_stays_until_it_is_withdrawn(level: Bench) -> None:
    level.barrier.free_egress()
    level.run_until(3600.0)
    assert level.is_high(RELAY)
    level.barrier.withdraw()
    assert not level.is_high(RELAY)


@pytest.mark.parametrize("controller", ["level", "pulse"])
def test_a_release_during_free_egress_never_shortens_it(controller: Controller) -> None:
    bench = Bench(controller)
    bench.barrier.free_egress()
    bench.barrier.release(5.0)
    bench.run_until(30.1)
    assert bench.is_high(RELAY)


def test_free_egress_ends_the_hold_of_a_grant_that_was_running(level: Bench) -> None:
    level.barrier.release(5.0)
    level.barrier.free_egress()
    level.run_until(60.0)
    assert level.is_high(RELAY)


@pytest.mark.parametrize("hold_s", [0.0, -1.0, 60.1, math.nan, math.inf])
def test_a_hold_that_is_no_sane_time_is_refused_and_opens_nothing(level: Bench, hold_s: float) -> None:
    with pytest.raises(ValueError, match="hold_s"):
        level.barrier.release(hold_s)
    assert level.changes(RELAY) == []


def test_a_level_controller_claims_no_stop_line(level: Bench) -> None:
    OutputDevice(STOP, pin_factory=level.factory).close()


# ---------------------------------------------------------------- pulse


def test_a_pulse_controller_gets_a_pulse_and_a_stop_when_the_hold_ends(pulse: Bench) -> None:
    pulse.barrier.release(3.0)
    pulse.run_until(60.0)
    assert pulse.changes(RELAY) == [(0.0, 1.0), (0.2, 0.0)]
    assert pulse.changes(STOP) == [(3.0, 1.0), (3.2, 0.0)]


def test_withdraw_drives_stop_for_one_pulse(pulse: Bench) -> None:
    pulse.barrier.release(5.0)
    pulse.run_until(1.0)
    pulse.barrier.withdraw()
    pulse.run_until(60.0)
    assert pulse.changes(STOP) == [(1.0, 1.0), (1.2, 0.0)]


def test_withdraw_within_the_pulse_ends_the_pulse_first(pulse: Bench) -> None:
    pulse.barrier.release(5.0)
    pulse.run_until(0.1)
    pulse.barrier.withdraw()
    assert pulse.log[-2:] == [(0.1, RELAY, 0.0), (0.1, STOP, 1.0)]


def test_stop_is_dropped_while_the_passage_is_occupied(pulse: Bench) -> None:
    pulse.barrier.release(5.0)
    pulse.factory.drive(PASSAGE, high=False)
    pulse.barrier.withdraw()
    pulse.factory.drive(PASSAGE, high=True)
    pulse.run_until(60.0)
    assert pulse.changes(STOP) == []


def test_stop_is_dropped_while_occupied_also_when_the_hold_ends_by_itself(pulse: Bench) -> None:
    pulse.barrier.release(5.0)
    pulse.factory.drive(PASSAGE, high=False)
    pulse.run_until(60.0)
    assert pulse.changes(STOP) == []


def test_stop_ends_with_the_next_step_when_somebody_steps_in(pulse: Bench) -> None:
    pulse.barrier.withdraw()
    pulse.run_until(0.05)
    pulse.factory.drive(PASSAGE, high=False)
    pulse.barrier.beat()
    assert pulse.changes(STOP) == [(0.0, 1.0), (0.05, 0.0)]


def test_a_release_takes_a_running_stop_back_before_it_opens(pulse: Bench) -> None:
    pulse.barrier.withdraw()
    pulse.barrier.release(5.0)
    assert pulse.log == [(0.0, STOP, 1.0), (0.0, STOP, 0.0), (0.0, RELAY, 1.0)]
    pulse.run_until(1.0)
    assert pulse.changes(STOP)[2:] == []


def test_free_egress_repeats_the_pulse_so_that_no_window_runs_out(pulse: Bench) -> None:
    pulse.barrier.free_egress()
    pulse.run_until(60.0)
    rises = [at_s for at_s, height in pulse.changes(RELAY) if height]
    assert rises == [float(s) for s in range(61)]
    assert pulse.changes(STOP) == []


def test_free_egress_ordered_again_and_again_is_still_a_row_of_pulses(pulse: Bench) -> None:
    for tick in range(40):
        pulse.run_until(tick / 20)
        pulse.barrier.free_egress()
    assert pulse.changes(RELAY) == [(0.0, 1.0), (0.2, 0.0), (1.0, 1.0), (1.2, 0.0)]


def test_after_free_egress_a_grant_opens_again(level: Bench) -> None:
    level.barrier.free_egress()
    level.barrier.withdraw()
    level.barrier.release(5.0)
    assert level.is_high(RELAY)


def test_free_egress_withdrawn_repeats_no_more(pulse: Bench) -> None:
    pulse.barrier.free_egress()
    pulse.run_until(10.5)
    pulse.barrier.withdraw()
    pulse.log.clear()
    pulse.run_until(60.0)
    assert pulse.changes(RELAY) == []
    assert len(pulse.timers) == 0


@pytest.mark.parametrize("pulse_s", [0.0, 0.099, 0.6, math.nan])
def test_a_pulse_that_no_controller_would_see_is_refused(pulse_s: float) -> None:
    bench = Bench("level")
    with pytest.raises(ValueError, match="pulse_s"):
        Barrier(pin_factory=bench.factory, lines=LINES, controller="pulse", put=bench.inputs.append, pulse_s=pulse_s)


# ---------------------------------------------------------------- heartbeat


def test_each_beat_is_one_edge_and_nothing_else_makes_one(level: Bench) -> None:
    level.barrier.beat()
    level.barrier.release(5.0)
    level.run_until(10.0)
    level.barrier.beat()
    level.barrier.beat()
    assert [height for _, height in level.changes(HEARTBEAT)] == [1.0, 0.0, 1.0]


def test_a_line_that_cannot_be_driven_is_told_and_stops_the_heartbeat(
    level: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(pin: int, _level: float) -> None:
        if pin == RELAY:
            raise OSError("GPIO gone")

    monkeypatch.setattr(level, "write", broken)
    level.barrier.release(5.0)
    monkeypatch.undo()
    level.barrier.beat()
    assert level.inputs == [DeviceFailed(device=Device.BARRIER, fault="gpio")]
    assert level.changes(HEARTBEAT) == []


# ---------------------------------------------------------------- contacts


@pytest.mark.parametrize(
    ("pin", "when_low", "when_high"),
    [
        (PASSAGE, PassageSensed(occupied=True), PassageSensed(occupied=False)),
        (FIRE, FireSensed(active=False), FireSensed(active=True)),
        (TAMPER, TamperSensed(open=False), TamperSensed(open=True)),
        (FEEDBACK, FeedbackSensed(energised=True), FeedbackSensed(energised=False)),
        (ACKNOWLEDGE, Acknowledged(), None),
    ],
)
def test_a_contacts_edges_mean_what_its_wiring_says(
    level: Bench, pin: int, when_low: Observation, when_high: Observation | None
) -> None:
    first_high = pin in (FIRE, TAMPER)
    for high in (first_high, not first_high):
        level.factory.drive(pin, high=high)
    expected = {False: when_low, True: when_high}
    wanted = [expected[high] for high in (first_high, not first_high)]
    assert level.inputs == [observation for observation in wanted if observation is not None]


def test_the_start_tells_each_contact_once_and_a_quiet_gate_is_quiet(level: Bench) -> None:
    level.barrier.initial()
    assert level.inputs == [
        PassageSensed(occupied=False),
        FireSensed(active=False),
        TamperSensed(open=False),
        FeedbackSensed(energised=False),
    ]


def test_a_fire_and_a_body_older_than_the_start_are_seen(level: Bench) -> None:
    level.factory.drive(FIRE, high=True)
    level.factory.drive(PASSAGE, high=False)
    level.inputs.clear()
    level.barrier.initial()
    assert PassageSensed(occupied=True) in level.inputs
    assert FireSensed(active=True) in level.inputs


def test_a_key_left_turned_acknowledges_nothing_at_the_start(level: Bench) -> None:
    level.factory.drive(ACKNOWLEDGE, high=False)
    level.inputs.clear()
    level.barrier.initial()
    assert Acknowledged() not in level.inputs


def test_contacts_that_are_not_fitted_say_nothing() -> None:
    bench = Bench("level")
    bench.barrier.close()
    barrier = Barrier(
        pin_factory=bench.factory,
        lines=BarrierLines(relay=RELAY, heartbeat=HEARTBEAT, passage=PASSAGE),
        controller="level",
        put=bench.inputs.append,
    )
    barrier.initial()
    assert bench.inputs == [PassageSensed(occupied=False)]


# ---------------------------------------------------------------- claiming and closing


def test_closing_locks_before_the_lines_are_given_back_and_may_be_done_twice(level: Bench) -> None:
    level.barrier.release(5.0)
    level.barrier.beat()
    level.barrier.close()
    level.barrier.close()
    assert level.changes(RELAY)[:2] == [(0.0, 1.0), (0.0, 0.0)]
    assert level.levels == {RELAY: 0.0, HEARTBEAT: 0.0}
    assert level.timers == []
    level.factory.drive(PASSAGE, high=False)
    assert level.inputs == []


def test_leaving_the_context_locks() -> None:
    bench = Bench("level")
    with bench.barrier as barrier:
        barrier.release(5.0)
    assert not bench.is_high(RELAY)


def test_a_line_that_is_taken_is_a_fault_that_says_what_to_do_and_leaves_no_line_claimed() -> None:
    bench = Bench("level")
    bench.barrier.close()
    with OutputDevice(TAMPER, pin_factory=bench.factory):
        with pytest.raises(DeviceFault, match=r"GPIO13.*gate\.toml") as caught:
            Barrier(pin_factory=bench.factory, lines=LINES, controller="level", put=bench.inputs.append)
        assert caught.value.code == "gpio"
        OutputDevice(RELAY, pin_factory=bench.factory).close()


def test_only_the_named_pin_factory_is_known() -> None:
    with pytest.raises(DeviceFault, match=r'"mock" is not known.*"lgpio"') as caught:
        make_pin_factory("mock")
    assert caught.value.code == "pin_factory"


# ---------------------------------------------------------------- the timer of live life


def test_a_timer_runs_on_a_thread_of_its_own_that_never_keeps_the_process_alive() -> None:
    seen: list[threading.Thread] = []
    done = threading.Event()

    def due() -> None:
        seen.append(threading.current_thread())
        done.set()

    start_timer(0.0, due)
    assert done.wait(10.0)
    assert seen[0] is not threading.current_thread()
    assert seen[0].daemon


def test_a_cancelled_timer_never_runs() -> None:
    before = set(threading.enumerate())
    ran: list[bool] = []
    cancel = start_timer(3600.0, lambda: ran.append(True))
    (thread,) = set(threading.enumerate()) - before
    cancel()
    thread.join(10.0)
    assert not thread.is_alive()
    assert ran == []


def test_a_fire_that_begins_while_the_contacts_are_first_read_is_not_taken_back() -> None:
    bench = Bench("level")
    fire = bench.barrier._contacts._watched[1][0]
    read = fire.pin._get_state

    def read_then_fire() -> object:
        fire.pin._get_state = read
        level = read()
        bench.factory.drive(FIRE, high=True)  # the edge comes between reading the line and telling
        return level

    fire.pin._get_state = read_then_fire
    bench.inputs.clear()
    bench.barrier.initial()
    assert [told for told in bench.inputs if isinstance(told, FireSensed)][-1] == FireSensed(active=True)
    bench.barrier.close()


def test_the_end_of_the_hold_is_ordered_before_the_relay_moves() -> None:
    bench = Bench("level")

    def no_thread_left(delay_s: float, due: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("can't start new thread")

    bench.barrier._call_later = no_thread_left
    with pytest.raises(RuntimeError):
        bench.barrier.release(5.0)
    assert bench.levels.get(RELAY, 0.0) == 0.0
    bench.barrier.close()


def test_a_passage_that_cannot_be_read_counts_as_occupied_and_stops_the_heartbeat() -> None:
    bench = Bench("pulse")

    def broken() -> object:
        raise OSError("the chip is gone")

    bench.barrier.withdraw()
    assert bench.levels[STOP] == 1.0
    bench.barrier._contacts._passage.pin._get_state = broken
    bench.inputs.clear()
    bench.barrier.beat()
    assert bench.inputs == [DeviceFailed(device=Device.BARRIER, fault="gpio")]
    assert bench.levels[STOP] == 0.0
    bench.log.clear()
    bench.barrier.beat()
    assert bench.log == []
    bench.barrier.close()


def test_the_relay_goes_off_although_the_passage_cannot_be_read() -> None:
    bench = Bench("pulse")

    def broken() -> object:
        raise OSError("the chip is gone")

    bench.barrier.release(5.0)
    bench.barrier._contacts._passage.pin._get_state = broken
    bench.barrier.withdraw()
    assert bench.levels[RELAY] == 0.0
    assert bench.levels.get(STOP, 0.0) == 0.0  # somebody may stand there
    assert DeviceFailed(device=Device.BARRIER, fault="gpio") in bench.inputs
    bench.barrier.close()
