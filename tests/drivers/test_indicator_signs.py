"""The table of signs as people see it: no two rows alike, on either kind of lamps, whatever their eyes make of colour.

Each row is rendered as a film of small pictures: shapes at their places, in the colours of the lamps. Two rows are
alike if some shift in time makes the films the same: rhythm counts, phase doesn't.
"""

import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.drivers.indicator import SIGNS, Kind, lamps
from gatefw.drivers.indicator.patterns import (
    Breathing,
    Flash,
    Flashes,
    Note,
    Off,
    Pattern,
    Running,
    Sound,
    Steady,
    level,
    tone_hz,
)
from gatefw.drivers.indicator.signs import Column
from gatefw.model import Reason, Signal

Picture = npt.NDArray[np.float64]

FPS = 10
LOOK_S = 10
KINDS: tuple[Kind, ...] = ("masked", "plain")

GLYPHS = {
    "bar": ("......", "xxxxxx", "xxxxxx", "......"),
    "ring": (".xxxx.", "x....x", "x....x", ".xxxx."),
    "hand": ("x.xx.x", "x.xx.x", "xxxxxx", ".xxxx."),
    "side": ("..x...", ".xxxxx", ".xxxxx", "..x..."),
    "arrow": ("..xx..", ".xxxx.", "..xx..", "..xx.."),
    "lamp": ("..xx..", ".xxxx.", ".xxxx.", "..xx.."),
}
RED, AMBER, GREEN = (1.0, 0.1, 0.05), (1.0, 0.65, 0.0), (0.1, 1.0, 0.3)
# lamp: glyph, row of the housing (3 = the exit side), colour
MASKED = {
    "red": ("bar", 0, RED),
    "ring": ("ring", 1, AMBER),
    "hand": ("hand", 1, AMBER),
    "side": ("side", 1, AMBER),
    "green": ("arrow", 2, GREEN),
    "exit": ("arrow", 3, GREEN),
}
PLAIN = {name: ("lamp", row, colour) for name, (_, row, colour) in MASKED.items()}

GREY = np.array([[0.2126, 0.7152, 0.0722]] * 3)  # ITU-R BT.709 luma
# Machado, Oliveira, Fernandes 2009, deuteranomaly of severity 1.0
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def film(signal: Signal, kind: Kind, seconds: int, eye: Picture) -> Picture:
    """Frames × pixels × 3 as an eye with this colour matrix sees them."""
    frames = np.zeros((seconds * FPS, 4 * 4, 6, 3))
    for number in range(len(frames)):
        shown = lamps(signal, number / FPS, kind)
        for name, (glyph, row, colour) in (MASKED if kind == "masked" else PLAIN).items():
            mask = np.array([[c == "x" for c in line] for line in GLYPHS[glyph]], dtype=float)
            window = frames[number, 4 * row : 4 * row + 4]
            np.maximum(window, mask[:, :, None] * np.array(colour) * getattr(shown, name), out=window)
    return frames.reshape(len(frames), -1, 3) @ eye.T


def alike(one: Picture, other: Picture) -> bool:
    """Whether `one` is found in the longer film `other` at any shift."""
    shifts = len(other) - len(one) + 1
    return any(np.abs(other[s : s + len(one)] - one).max() < 0.15 for s in range(shifts))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("eye", [GREY, DEUTERANOPIA], ids=["greyscale", "deuteranopia"])
def test_every_pair_of_rows_differs_in_shape_position_or_rhythm(kind: Kind, eye: Picture) -> None:
    films = {signal: film(signal, kind, 2 * LOOK_S, eye) for signal in Signal}
    same = [(a, b) for a, b in combinations(Signal, 2) if alike(films[a][: LOOK_S * FPS], films[b])]
    assert same == []


def test_the_eye_of_these_tests_sees_no_difference_in_phase_alone() -> None:
    whole = film(Signal.ALARM, "masked", 2 * LOOK_S, GREY)
    assert alike(whole[2 : 2 + LOOK_S * FPS], whole)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signal", Signal)
def test_no_lamp_flashes_more_than_twice_a_second(signal: Signal, kind: Kind) -> None:
    for name in MASKED:
        lit = [getattr(lamps(signal, t / 200, kind), name) >= 0.5 for t in range(200 * LOOK_S)]
        rises = [t / 200 for t in range(1, len(lit)) if lit[t] and not lit[t - 1]]
        assert all(later - earlier >= 0.5 - 1e-9 for earlier, later in pairwise(rises))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signal", Signal)
def test_no_signal_is_ever_dark_for_longer_than_a_flash_of_its_rhythm(signal: Signal, kind: Kind) -> None:
    dark = [not any(getattr(lamps(signal, t / FPS, kind), n) > 0 for n in MASKED) for t in range(FPS * LOOK_S)]
    longest = max(len(run) for run in "".join("d" if d else " " for d in dark).split(" "))
    assert longest / FPS <= 2.0


def test_green_is_lit_for_those_who_may_pass_and_for_nobody_else() -> None:
    for kind in KINDS:
        green = {s for s in Signal if any(lamps(s, t / FPS, kind).green > 0 for t in range(FPS * LOOK_S))}
        assert green == {Signal.PASS, Signal.MOVE_ON}


def test_plain_lamps_need_no_hand_and_no_side() -> None:
    for signal in Signal:
        assert all(
            lamps(signal, t / FPS, "plain").hand == lamps(signal, t / FPS, "plain").side == 0.0
            for t in range(FPS * LOOK_S)
        )


def test_every_signal_has_a_row_with_words_in_both_languages_that_no_other_row_has() -> None:
    assert set(SIGNS) == set(Signal)
    assert len({sign.english for sign in SIGNS.values()}) == len(Signal)
    assert len({sign.chinese for sign in SIGNS.values()}) == len(Signal)
    assert all(re.search(r"[\u4e00-\u9fff]", sign.chinese) for sign in SIGNS.values())


def test_no_reason_about_a_person_has_a_row_of_its_own() -> None:
    shown_to_all = {str(signal) for signal in Signal} | {sign.english.lower() for sign in SIGNS.values()}
    assert not shown_to_all & {str(reason) for reason in Reason}


def test_no_sound_is_louder_than_full_and_none_lasts_longer_than_a_minute() -> None:
    for sign in SIGNS.values():
        assert 0 < sign.sound.loudness <= 1
        assert tone_hz(sign.sound, 60.0) is None


def test_passing_and_the_desk_differ_in_rhythm_on_a_buzzer_without_pitch() -> None:
    def rhythm(signal: Signal) -> list[bool]:
        return [tone_hz(SIGNS[signal].sound, t / 100) is not None for t in range(200)]

    assert rhythm(Signal.PASS) != rhythm(Signal.DESK)


# ---------------------------------------------------------------- patterns


@given(
    pattern=st.sampled_from(
        [Breathing(hz=0.5), Flash(hz=0.25), Flash(hz=2), Flashes(count=2), Flashes(count=3), Running(hz=1)]
    ),
    t_s=st.floats(min_value=0, max_value=1e6),
)
def test_a_level_always_lies_between_dark_and_full(pattern: Breathing | Flash | Flashes | Running, t_s: float) -> None:
    assert 0.0 <= level(pattern, t_s) <= 1.0


@pytest.mark.parametrize("hz", [0.0, 2.01, float("nan"), float("inf")])
def test_a_flash_that_could_harm_cannot_be_built(hz: float) -> None:
    with pytest.raises(ValueError, match="Hz"):
        Flash(hz=hz)


def test_flashes_are_counted_and_followed_by_a_pause() -> None:
    lit = "".join("x" if level(Flashes(count=3), t / 4) else "." for t in range(10))
    assert lit == "x.x.x....." and level(Flashes(count=3), 2.5) == 1.0


def test_a_running_arrow_gains_thirds_and_starts_again() -> None:
    assert [round(level(Running(hz=1), t / 4), 2) for t in range(5)] == [0.0, 0.33, 0.67, 1.0, 0.0]


def test_a_sound_rests_between_its_notes_and_ends() -> None:
    sound = Sound(notes=(Note(hz=440, for_s=0.2, rest_s=0.1), Note(hz=880, for_s=0.2)))
    assert [tone_hz(sound, t) for t in (0.0, 0.25, 0.35, 0.55)] == [440, None, 880, None]


def test_a_repeated_sound_goes_on_until_its_time_is_over() -> None:
    sound = Sound(notes=(Note(hz=440, for_s=0.5, rest_s=0.5),), repeat_s=10)
    assert [tone_hz(sound, t) for t in (9.25, 9.75, 10.25)] == [440, None, None]


# ---------------------------------------------------------------- the page


def said(pattern: Pattern) -> str:
    """How the page puts a rhythm."""
    match pattern:
        case Off():
            return ""
        case Steady():
            return "steady"
        case Breathing(hz=hz):
            return f"breathing {hz:g} Hz"
        case Flash(hz=hz):
            return f"flashing {hz:g} Hz"
        case Flashes(count=count):
            return f"{count} flashes, pause"
        case Running(hz=hz):
            return f"running {hz:g} Hz"


def cell(column: Column, names: dict[str, str]) -> str:
    """How the page puts a row's lamps."""
    lit = ((words, said(getattr(column, name))) for name, words in names.items())
    return ", ".join(f"{words} {rhythm}" for words, rhythm in lit if rhythm)


WINDOWS = {"red": "bar", "ring": "ring", "hand": "hand", "side": "◄", "green": "▲", "exit": "exit ▲"}
THREE_LAMPS = {"red": "red", "ring": "amber", "green": "green", "exit": "exit ▲"}


@pytest.mark.parametrize("signal", Signal)
def test_the_page_on_signals_says_what_the_table_says(signal: Signal) -> None:
    page = (Path(__file__).parents[2] / "docs" / "signals.md").read_text(encoding="utf-8")
    sign = SIGNS[signal]
    lights = f"{cell(sign.masked, WINDOWS)} | {cell(sign.plain, THREE_LAMPS)}"
    row = next(line for line in page.splitlines() if line.startswith(f"| `{signal}` |"))
    assert row.startswith(f"| `{signal}` | {lights} | ")
    assert row.endswith(f" | {sign.english} | {sign.chinese} |")
