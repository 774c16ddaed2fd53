"""People read the lamps as SIGNALS means them: the real table of signs, seen through simulated eyes."""

from dataclasses import asdict

import pytest

from gatefw.drivers.indicator import lamps
from gatefw.drivers.indicator.signs import Kind
from gatefw.model import Signal
from gatefw.simulation.sight import LampBoard
from gatefw.simulation.wiring import Wiring

MASKED = Wiring()
PLAIN = Wiring(hand=None, side=None)
REFRESH_S = 0.05

GO = {Signal.PASS}
DESK = {Signal.DESK}
CLOSED = {Signal.OUT_OF_SERVICE, Signal.FULL, Signal.FIRE, Signal.ALARM}
ALARM = {Signal.ALARM}
RING = {Signal.READY, Signal.READING, Signal.RETRY, Signal.ONE_PERSON}


def watch(signal: Signal, kind: Kind, seconds: float, board: LampBoard | None = None, from_s: float = 0.0) -> LampBoard:
    wiring = MASKED if kind == "masked" else PLAIN
    board = board or LampBoard(wiring)
    for tick in range(round(seconds / REFRESH_S) + 1):
        t_s = tick * REFRESH_S
        for name, level in asdict(lamps(signal, t_s, kind)).items():
            if wiring.line(name) is not None:
                board.set(name, level, from_s + t_s)
    return board


@pytest.mark.parametrize("seconds", [4.0, 6.45, 9.3, 30.0])
@pytest.mark.parametrize("signal", Signal)
def test_masked_windows_say_one_thing_at_a_time(signal: Signal, seconds: float) -> None:
    board = watch(signal, "masked", seconds)
    assert board.says_go(seconds) or signal not in GO
    assert not board.says_go(seconds) or signal in GO | {Signal.MOVE_ON}
    assert board.says_desk(seconds) is (signal in DESK)
    assert board.says_closed(seconds) is (signal in CLOSED)
    assert board.says_alarm(seconds) is (signal in ALARM)
    assert board.invites(seconds) is (signal in RING)


@pytest.mark.parametrize("seconds", [4.0, 6.45, 9.3])
@pytest.mark.parametrize("signal", Signal)
def test_plain_column_sends_away_and_lets_pass_alike(signal: Signal, seconds: float) -> None:
    board = watch(signal, "plain", seconds)
    assert board.says_closed(seconds) is (signal in CLOSED | DESK)
    assert board.says_alarm(seconds) is (signal in ALARM)
    if signal in GO:
        assert board.says_go(seconds)
    if signal is Signal.READY:
        assert board.invites(seconds)
    if signal in CLOSED | DESK | GO:
        assert not board.invites(seconds)


def test_invitation_waits_until_the_last_sign_is_gone() -> None:
    board = watch(Signal.DESK, "masked", 3.0)
    watch(Signal.READY, "masked", 1.0, board, from_s=3.0)
    assert not board.invites(4.0)
    watch(Signal.READY, "masked", 3.0, board, from_s=3.0)
    assert board.invites(6.0)


def test_dark_gate_says_nothing() -> None:
    board = LampBoard(MASKED)
    for says in (board.says_go, board.says_desk, board.says_closed, board.says_alarm, board.invites):
        assert not says(100.0)


def test_log_tells_dimmed_from_lit_and_keeps_changes_only() -> None:
    board = LampBoard(MASKED)
    for at_s, level in enumerate((0.0, 0.2, 0.6, 1.0, 1.0, 0.0)):
        board.set("ring", level, float(at_s))
    assert [(seen.at_s, seen.lamps) for seen in board.log()] == [
        (1.0, (("ring", 0.5),)),
        (3.0, (("ring", 1.0),)),
        (5.0, ()),
    ]


@pytest.mark.parametrize(("hertz", "alarm"), [(0.5, False), (1.0, False), (2.0, True)])
def test_only_the_fastest_flashing_bar_is_an_alarm(hertz: float, alarm: bool) -> None:
    board = LampBoard(MASKED)
    for turn in range(20):
        board.set("red", float(turn % 2), turn * 0.5 / hertz)
    assert board.says_alarm(19 * 0.5 / hertz + 0.01) is alarm
