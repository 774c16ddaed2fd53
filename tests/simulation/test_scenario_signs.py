"""A bystander names each sign from the lamps alone, whatever came before it, with masks and without."""

import random
from itertools import permutations

import pytest

from gatefw.drivers.indicator import Kind, lamps
from gatefw.model import Signal
from gatefw.simulation.bystander import UNCLEAR, signs_seen
from gatefw.simulation.sight import LampBoard, LampsSeen
from gatefw.simulation.wiring import LAMPS, Wiring

MASKED = Wiring()
PLAIN = Wiring(hand=None, side=None)
LATER = [sign for sign in Signal if sign is not Signal.STARTING]


def wiring(kind: Kind) -> Wiring:
    return MASKED if kind == "masked" else PLAIN


def fitted(kind: Kind) -> frozenset[str]:
    return frozenset(name for name in LAMPS if wiring(kind).line(name) is not None)


def shown(kind: Kind, *signs: tuple[Signal, float], seed: int = 1) -> tuple[tuple[LampsSeen, ...], float]:
    """What an eye sees of these signs, each for so many seconds, set by a loop that turns every 5 to 50 ms."""
    board, chance, now_s = LampBoard(wiring(kind)), random.Random(seed), 0.0
    for sign, lasts_s in signs:
        began_s = now_s
        while now_s < began_s + lasts_s:
            wanted = lamps(sign, now_s - began_s, kind)
            for name in fitted(kind):
                board.set(name, round(getattr(wanted, name) * 20) / 20, now_s)
            now_s += chance.uniform(0.005, 0.05)
        now_s = began_s + lasts_s
    return board.log(), now_s


def named(kind: Kind, *signs: tuple[Signal, float], seed: int = 1) -> list[str]:
    log, until_s = shown(kind, *signs, seed=seed)
    return [seen.sign for seen in signs_seen(log, until_s, kind, fitted(kind))]


@pytest.mark.parametrize("kind", ["masked", "plain"])
@pytest.mark.parametrize(("first", "second"), list(permutations(LATER, 2)))
def test_any_sign_is_told_from_any_other_that_follows_it(kind: Kind, first: Signal, second: Signal) -> None:
    seed = len(first) * 31 + len(second)
    assert named(kind, (first, 4.3), (second, 3.7), seed=seed) == [first, second]


@pytest.mark.parametrize("kind", ["masked", "plain"])
@pytest.mark.parametrize("sign", list(Signal))
def test_each_sign_is_named_where_it_stands_alone(kind: Kind, sign: Signal) -> None:
    assert named(kind, (sign, 3.0)) == [sign]


@pytest.mark.parametrize("lasts_s", [0.35, 0.8, 1.7])
@pytest.mark.parametrize("sign", [Signal.MEASURE, Signal.PASS, Signal.DESK, Signal.READY])
def test_a_short_sign_between_others_is_named(sign: Signal, lasts_s: float) -> None:
    assert named("masked", (Signal.RETRY, 2.0), (sign, lasts_s), (Signal.OUT_OF_SERVICE, 2.0))[1] == sign


def test_a_glimpse_is_not_named() -> None:
    assert named("masked", (Signal.READY, 3.1), (Signal.READING, 0.15), (Signal.READY, 3.0)) == ["ready"]


def test_a_sign_is_found_out_when_it_began() -> None:
    log, until_s = shown("masked", (Signal.PASS, 2.6), (Signal.MOVE_ON, 2.0), (Signal.READY, 2.0))
    began_s = [seen.from_s for seen in signs_seen(log, until_s, "masked", fitted("masked"))]
    assert began_s == pytest.approx([0.0, 2.6, 4.6], abs=0.1)


def test_lamps_that_show_no_sign_are_unclear() -> None:
    log = (LampsSeen(at_s=0.0, lamps=(("green", 1.0), ("red", 1.0))),)
    assert [seen.sign for seen in signs_seen(log, 5.0, "masked", fitted("masked"))] == [UNCLEAR]


def test_a_gate_that_goes_dark_is_unclear_and_starts_again() -> None:
    lit, _ = shown("masked", (Signal.STARTING, 3.0))
    log = (*lit, LampsSeen(at_s=3.0, lamps=()), *(LampsSeen(at_s=e.at_s + 9.0, lamps=e.lamps) for e in lit))
    assert [seen.sign for seen in signs_seen(log, 12.0, "masked", fitted("masked"))] == [
        "starting",
        UNCLEAR,
        "starting",
    ]


def test_nothing_shown_is_nothing_seen() -> None:
    assert signs_seen((), 5.0, "masked", fitted("masked")) == ()


def test_flashing_at_another_pace_is_no_alarm() -> None:
    slow = tuple(LampsSeen(at_s=0.5 * n, lamps=() if n % 2 else (("red", 1.0),)) for n in range(12))
    assert "alarm" not in [seen.sign for seen in signs_seen(slow, 6.0, "masked", fitted("masked"))]
