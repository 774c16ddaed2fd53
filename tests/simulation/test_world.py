"""The world around the gate, with a script in the gate's place: it sets pins, and people answer to the lamps."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from gatefw.simulation.people import Left
from gatefw.simulation.report import Happening, Switch
from gatefw.simulation.turnstile import PUMP_HOLD_S, Controller, How
from gatefw.simulation.visitors import Code, Order, VisitorPlan
from gatefw.simulation.wiring import Edge, Wiring
from gatefw.simulation.world import World

WIRING = Wiring()
STARTS_S = 100.0
PLAN = VisitorPlan(number=1, kind="green_normal", expected="admitted", code=Code.GREEN, gap_s=1.0)


class PaperWallet:
    def text(self, code: Code, visitor: int, at_utc: float) -> str:
        return f"{code} {visitor} {at_utc:.1f}"


class Script:
    """A gate that decides nothing: it beats its heart, and does at given times what the test says."""

    def __init__(self, *plans: VisitorPlan, controller: Controller = Controller.LEVEL, **more: object) -> None:
        self.world = World(
            wiring=WIRING,
            plans=plans,
            wallet=PaperWallet(),
            controller=controller,
            starts_s=STARTS_S,
            starts_utc=1_600_000_000.0,
            **more,  # type: ignore[arg-type]
        )
        self.edges: list[tuple[float, Edge]] = []
        self._heart = False

    def run(self, seconds: float, *, beat: bool = True) -> None:
        end_s = self.world.now_s + seconds
        while self.world.now_s < end_s - 1e-9:
            if beat:
                self._heart = not self._heart
                self.world.set_pin(WIRING.heartbeat, float(self._heart))
            until_s = min(end_s, self.world.now_s + 0.05)
            while True:
                now_s, edges = self.world.advance(until_s)
                self.edges += [(now_s, edge) for edge in edges]
                if not edges:
                    break

    def lamps(self, *lit: str) -> None:
        for name in ("red", "ring", "hand", "side", "green"):
            pin = WIRING.line(name)
            assert pin is not None
            self.world.set_pin(pin, float(name in lit))

    def flash(self, name: str, seconds: float, hertz: float = 2.0) -> None:
        for _ in range(round(seconds * hertz)):
            self.lamps(name)
            self.run(0.5 / hertz)
            self.lamps()
            self.run(0.5 / hertz)

    def until(self, holds: Callable[[], bool], at_most_s: float = 40.0) -> None:
        end_s = self.world.now_s + at_most_s
        while not holds():
            assert self.world.now_s < end_s, "it never came to that"
            self.run(0.05)

    @property
    def visitor(self) -> str | None:
        return self.world.glance(0, 0, b"").stage


def arrived(script: Script) -> None:
    script.lamps("ring")
    script.until(lambda: script.visitor == "at_reader")
    script.run(3.0)


def test_visitor_waits_for_the_ring(  # and comes uninvited only after a long wait
) -> None:
    script = Script(PLAN)
    script.run(15.0)
    assert script.visitor is None
    script.run(10.0)
    assert script.visitor == "at_reader"


def test_ring_that_shines_invites_at_once() -> None:
    script = Script(PLAN)
    script.lamps("ring")
    script.run(1.5)
    assert script.visitor == "at_reader"


def test_red_bar_beside_the_ring_does_not_invite() -> None:
    script = Script(PLAN)
    script.lamps("ring", "red")
    script.run(10.0)
    assert script.visitor is None


def test_green_arrow_and_open_barrier_let_the_visitor_pass() -> None:
    script = Script(PLAN)
    arrived(script)
    script.world.set_pin(WIRING.relay, 1.0)
    script.lamps("green")
    script.until(lambda: script.world.everyone_left)
    report = script.world.report()
    assert report.visitors[0].passed
    assert report.visitors[0].why is Left.PASSED
    assert [p.how for p in report.passages] == [How.RELEASED]
    assert (WIRING.passage, False) in [edge for _, edge in script.edges]
    assert (WIRING.passage, True) in [edge for _, edge in script.edges]


def test_green_arrow_before_a_locked_barrier_lets_nobody_pass() -> None:
    script = Script(PLAN)
    arrived(script)
    script.lamps("green")
    script.until(lambda: script.world.everyone_left)
    assert script.world.report().visitors[0].why is Left.LOCKED
    assert script.world.report().passages == ()


def test_steady_side_arrow_sends_the_visitor_to_the_desk() -> None:
    script = Script(PLAN)
    arrived(script)
    script.lamps("side")
    shown_s = script.world.now_s
    script.until(lambda: script.world.everyone_left)
    (span,) = script.world.report().visitors
    assert span.why is Left.DESK
    assert span.left_s is not None
    assert 1.5 <= span.left_s - shown_s <= 2.5


def test_breathing_side_arrow_keeps_the_visitor_waiting() -> None:
    script = Script(PLAN)
    arrived(script)
    script.flash("side", 10.0, hertz=0.5)
    assert script.visitor == "at_reader"


def test_flashing_hand_keeps_the_visitor_waiting() -> None:
    script = Script(PLAN)
    arrived(script)
    script.flash("hand", 10.0, hertz=1.0)
    assert script.visitor == "at_reader"


def test_bar_sends_the_visitor_away() -> None:
    script = Script(PLAN)
    arrived(script)
    script.lamps("red")
    script.until(lambda: script.world.everyone_left)
    assert script.world.report().visitors[0].why is Left.CLOSED


def test_patience_ends() -> None:
    script = Script(PLAN)
    arrived(script)
    script.run(PLAN.patience_s)
    script.until(lambda: script.world.everyone_left)
    assert script.world.report().visitors[0].why is Left.PATIENCE


def test_grant_that_is_not_used_leaves_the_passage_empty() -> None:
    script = Script(replace(PLAN, uses_grant=False))
    arrived(script)
    script.world.set_pin(WIRING.relay, 1.0)
    script.lamps("green")
    script.until(lambda: script.world.everyone_left)
    report = script.world.report()
    assert report.visitors[0].why is Left.UNUSED
    assert not report.visitors[0].passed
    assert report.passages == ()


def test_forced_entry_shows_at_the_contact_without_release() -> None:
    script = Script(replace(PLAN, forces_entry=True, code=Code.NONE))
    arrived(script)
    script.until(lambda: script.world.everyone_left)
    report = script.world.report()
    assert [p.how for p in report.passages] == [How.FORCED]
    assert report.unlocked == ()
    assert (WIRING.passage, False) in [edge for _, edge in script.edges]


def test_tailgater_shows_as_a_second_body_in_one_window() -> None:
    script = Script(replace(PLAN, tailgated=True))
    arrived(script)
    script.world.set_pin(WIRING.relay, 1.0)
    script.lamps("green")
    script.until(lambda: script.world.everyone_left)
    report = script.world.report()
    assert [p.how for p in report.passages] == [How.RELEASED, How.TAILGATED]
    assert report.passages[0].out_s is not None
    assert report.passages[1].in_s - report.passages[0].out_s == pytest.approx(0.25)


def test_next_visitor_comes_only_when_the_lane_is_empty() -> None:
    script = Script(PLAN, replace(PLAN, number=2))
    arrived(script)
    script.lamps("side")
    script.until(lambda: script.visitor is None)
    script.lamps("ring")
    script.until(lambda: script.visitor == "at_reader")
    first, second = script.world.report().visitors
    assert first.left_s is not None and second.arrived_s is not None
    assert second.arrived_s >= first.left_s + 1.0


def test_staff_turn_the_key_when_the_bar_flashes_and_not_when_it_stands() -> None:
    script = Script()
    script.lamps("red")
    script.run(20.0)
    assert script.edges == []
    script.flash("red", 8.0)
    turned = [edge for _, edge in script.edges if edge.pin == WIRING.acknowledge]
    assert turned == [(WIRING.acknowledge, False), (WIRING.acknowledge, True)]


def test_staff_come_again_for_the_next_alarm() -> None:
    script = Script()
    script.flash("red", 8.0)
    script.run(20.0)
    script.flash("red", 8.0)
    assert [edge.high for _, edge in script.edges] == [False, True, False, True]


def test_feedback_contact_follows_the_relay() -> None:
    script = Script()
    script.run(1.0)
    script.world.set_pin(WIRING.relay, 1.0)
    script.run(1.0)
    script.world.set_pin(WIRING.relay, 0.0)
    script.run(1.0)
    assert [edge for _, edge in script.edges] == [(WIRING.feedback, False), (WIRING.feedback, True)]


def test_dead_daemon_lets_every_line_fall() -> None:
    script = Script()
    script.run(1.0)
    script.world.set_pin(WIRING.relay, 1.0)
    script.lamps("green")
    script.run(1.0)
    script.world.float_outputs()
    died_s = script.world.now_s
    script.run(2.0, beat=False)
    report = script.world.report()
    assert report.coil[-1].off_s == died_s
    assert report.relay_line[-1].off_s == died_s
    assert report.lamps[-1].lamps == ()


def test_hung_daemon_loses_the_coil_with_its_lines_still_high() -> None:
    script = Script()
    script.run(1.0)
    script.world.set_pin(WIRING.relay, 1.0)
    script.run(1.0)
    hung_s = script.world.now_s
    script.run(5.0, beat=False)
    report = script.world.report()
    assert report.relay_line[-1].off_s is None
    assert report.coil[-1].off_s is not None
    assert report.coil[-1].off_s - hung_s <= PUMP_HOLD_S


def test_cut_heartbeat_line_takes_the_coil() -> None:
    script = Script()
    script.run(1.0)
    script.world.set_pin(WIRING.relay, 1.0)
    script.world.switch(Switch.HEARTBEAT_CUT, on=True)
    script.run(2.0)
    assert script.world.report().coil[-1].off_s is not None


def test_contacts_are_normal_at_the_start() -> None:
    assert Script().world.contacts() == {
        WIRING.passage: True,
        WIRING.fire: False,
        WIRING.tamper: False,
        WIRING.feedback: True,
        WIRING.acknowledge: True,
    }


@pytest.mark.parametrize(
    ("switch", "edge"),
    [
        (Switch.FIRE_PANEL, (WIRING.fire, True)),
        (Switch.FIRE_LINE_CUT, (WIRING.fire, True)),
        (Switch.TAMPER, (WIRING.tamper, True)),
        (Switch.KEY, (WIRING.acknowledge, False)),
        (Switch.RELAY_WELDED, (WIRING.feedback, False)),
    ],
)
def test_switch_reaches_its_contact(switch: Switch, edge: tuple[int, bool]) -> None:
    script = Script(happenings=(Happening(after_s=2.0, switch=switch, on=True),))
    script.run(1.9)
    assert script.edges == []
    script.run(0.2)
    assert [e for _, e in script.edges] == [edge]


def test_cut_fire_line_opens_nothing_by_itself() -> None:
    script = Script(happenings=(Happening(after_s=0.0, switch=Switch.FIRE_LINE_CUT, on=True),))
    script.run(1.0)
    assert script.world.report().unlocked == ()


def test_time_stops_at_a_contact() -> None:
    script = Script(happenings=(Happening(after_s=2.0, switch=Switch.TAMPER, on=True),))
    assert script.world.advance(STARTS_S + 50.0) == (STARTS_S + 2.0, ((WIRING.tamper, True),))
    assert script.world.advance(STARTS_S + 50.0) == (STARTS_S + 50.0, ())


def test_no_contact_is_lost_between_two_looks() -> None:
    opened = Happening(after_s=2.0, switch=Switch.TAMPER, on=True)
    script = Script(happenings=(Happening(after_s=2.1, switch=Switch.TAMPER, on=False), opened))
    for after_s, high in ((2.0, True), (2.1, False)):
        assert script.world.advance(STARTS_S + 50.0) == (STARTS_S + after_s, ((WIRING.tamper, high),))


def test_forehead_fills_the_cone_smoothly_and_leaves_it() -> None:
    script = Script(PLAN)
    wall_c = script.world.object_c()
    assert wall_c == pytest.approx(22.2, abs=0.01)
    script.lamps("ring")
    script.until(lambda: script.visitor == "at_reader")
    seen_c = []
    for _ in range(20):
        script.run(0.05)
        seen_c.append(script.world.object_c())
    assert seen_c == sorted(seen_c)
    assert seen_c[-1] == PLAN.forehead_c
    assert max(b - a for a, b in itertools.pairwise(seen_c)) < 5.0
    script.lamps("side")
    script.until(lambda: script.world.everyone_left)
    assert script.world.object_c() == pytest.approx(22.2, abs=0.05)


@pytest.mark.parametrize(("order", "phone", "face"), [(Order.FIRST, True, False), (Order.AFTER, False, True)])
def test_phone_and_face_come_in_the_order_of_the_plan(order: Order, phone: bool, face: bool) -> None:
    script = Script(replace(PLAN, order=order))
    script.lamps("ring")
    script.until(lambda: script.visitor == "at_reader")
    script.run(1.0)
    assert bool(script.world.scene().phones) is phone
    assert (script.world.object_c() > 30.0) is face


def test_code_is_fetched_once_at_the_walls_time_of_arrival() -> None:
    script = Script(PLAN)
    script.lamps("ring")
    script.until(lambda: script.visitor == "at_reader")
    arrived_s = script.world.report().visitors[0].arrived_s
    assert arrived_s is not None
    script.run(3.0)
    (phone,) = script.world.scene().phones
    assert phone.text == f"green 1 {1_600_000_000.0 + arrived_s - STARTS_S:.1f}"


def test_two_phones_hold_two_codes() -> None:
    script = Script(replace(PLAN, second=Code.RED))
    arrived(script)
    first, second = script.world.scene().phones
    assert str(first.text).startswith("green") and str(second.text).startswith("red")
    assert second.x - first.x > first.size * 0.75


def test_visitor_without_code_shows_an_empty_hand() -> None:
    script = Script(replace(PLAN, code=Code.NONE))
    arrived(script)
    assert script.world.scene().phones == ()
    assert script.world.object_c() == PLAN.forehead_c


def test_picture_is_shown_instead_of_a_phone() -> None:
    script = Script(replace(PLAN, code=Code.PICTURE, raw=b"PNG"))
    arrived(script)
    assert script.world.scene().picture == b"PNG"


def test_blanked_frames_show_nothing_at_all() -> None:
    script = Script(PLAN)
    arrived(script)
    script.world.switch(Switch.BLANK_FRAMES, on=True)
    assert script.world.scene().blank
    assert script.world.scene().phones == ()


def test_sensor_suffers_only_while_its_visitor_is_there() -> None:
    script = Script(replace(PLAN, sensor_fault="nak"))
    assert script.world.sensor_fault() is None
    arrived(script)
    assert script.world.sensor_fault() == "nak"
    script.lamps("side")
    script.until(lambda: script.world.everyone_left)
    assert script.world.sensor_fault() is None


def test_same_arguments_and_pins_give_the_same_report() -> None:
    def run() -> object:
        script = Script(PLAN, replace(PLAN, number=2, forces_entry=True))
        arrived(script)
        script.world.set_pin(WIRING.relay, 1.0)
        script.lamps("green")
        script.run(6.0)
        script.world.set_pin(WIRING.relay, 0.0)
        script.lamps("ring")
        script.until(lambda: script.world.everyone_left)
        return script.world.report()

    assert run() == run()


def test_two_lines_on_one_pin_are_refused() -> None:
    with pytest.raises(ValueError, match="share one pin"):
        Wiring(relay=5, passage=5)
