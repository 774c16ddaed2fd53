"""The one table of what people are shown: every lamp, sound and text of the gate comes from here.

Position, shape and rhythm each suffice alone: no outcome rests on colour, on sound or on reading. Every personal
reason for not passing is the one row `DESK`: bystanders can't tell them apart. `TABLE_VERSION` goes up whenever a
row changes, because people and posters have learnt the old one.

`masked` is the column for the three windows (bar on top, ring, hand or side arrow in the middle, arrow below),
`plain` the one for three plain lamps; there `ring` is the amber lamp, and hand and side are not fitted. The exit
arrow looks outward, is optional, and belongs to both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gatefw.drivers.indicator.patterns import (
    OFF,
    STEADY,
    Breathing,
    Flash,
    Flashes,
    Note,
    Pattern,
    Running,
    Sound,
    level,
)
from gatefw.model import Signal

TABLE_VERSION: Final = 1

Kind = Literal["masked", "plain"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """What each lamp does: red bar, amber ring, amber hand, amber side arrow, green arrow, exit arrow."""

    red: Pattern = OFF
    ring: Pattern = OFF
    hand: Pattern = OFF
    side: Pattern = OFF
    green: Pattern = OFF
    exit: Pattern = OFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Lamps:
    """Brightness of each lamp at one moment, from 0 (dark) to 1 (full)."""

    red: float
    ring: float
    hand: float
    side: float
    green: float
    exit: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """One row: lamps of both kinds, sound, and the words for a display and the duty page."""

    masked: Column
    plain: Column
    sound: Sound
    english: str
    chinese: str


_LOW, _MID, _HIGH = 440.0, 660.0, 880.0  # Hz: A4, E5, A5, far enough apart and within a piezo's reach
_SILENT: Final = Sound()
_TICK: Final = Sound(notes=(Note(hz=_HIGH, for_s=0.05),), loudness=0.5)
_LOW_TONE: Final = Sound(notes=(Note(hz=_LOW, for_s=0.8),))
_RISING: Final = Sound(notes=(Note(hz=_MID, for_s=0.1, rest_s=0.05), Note(hz=_HIGH, for_s=0.3)))
_FALLING: Final = Sound(notes=(Note(hz=_MID, for_s=0.3, rest_s=0.1), Note(hz=_LOW, for_s=0.1)), loudness=0.4)
_PIPS: Final = Sound(notes=(Note(hz=_HIGH, for_s=0.1, rest_s=0.4),), repeat_s=10.0)
_SIREN: Final = Sound(notes=(Note(hz=_HIGH, for_s=0.5), Note(hz=_LOW, for_s=0.4, rest_s=0.1)), repeat_s=60.0)


def _mid_tones(count: int) -> Sound:
    return Sound(notes=(Note(hz=_MID, for_s=0.2, rest_s=0.15),) * count)


SIGNS: Final[Mapping[Signal, Sign]] = {
    Signal.STARTING: Sign(
        masked=Column(hand=Flash(hz=0.5)),
        plain=Column(ring=Flash(hz=0.5)),
        sound=_SILENT,
        english="Starting, please wait",
        chinese="正在启动，请稍候",
    ),
    Signal.READY: Sign(
        masked=Column(ring=Breathing(hz=0.5)),
        plain=Column(ring=Breathing(hz=0.5)),
        sound=_SILENT,
        english="Show your code",
        chinese="请出示健康码",
    ),
    Signal.READING: Sign(
        masked=Column(ring=Flash(hz=1)),
        plain=Column(ring=Flash(hz=1)),
        sound=_TICK,
        english="Hold still, brighten the screen",
        chinese="请保持不动，调亮屏幕",
    ),
    Signal.MEASURE: Sign(
        masked=Column(hand=STEADY),
        plain=Column(ring=STEADY),
        sound=_TICK,
        english="Look here, forehead clear",
        chinese="请正视测温口，露出额头",
    ),
    Signal.REMEASURE: Sign(
        masked=Column(hand=Flash(hz=1)),
        plain=Column(ring=Flash(hz=0.25)),
        sound=_mid_tones(1),
        english="Wait, we measure again",
        chinese="请稍候，重新测温",
    ),
    Signal.RETRY: Sign(
        masked=Column(ring=Flashes(count=2)),
        plain=Column(ring=Flashes(count=2)),
        sound=_mid_tones(2),
        english="Refresh the code, try again",
        chinese="请刷新健康码后重试",
    ),
    Signal.ONE_PERSON: Sign(
        masked=Column(ring=Flashes(count=3)),
        plain=Column(ring=Flashes(count=3)),
        sound=_mid_tones(3),
        english="One at a time, start again",
        chinese="请逐一通行，重新开始",
    ),
    Signal.PASS: Sign(
        masked=Column(green=STEADY),
        plain=Column(green=STEADY),
        sound=_RISING,
        english="Please pass",
        chinese="请通行",
    ),
    Signal.MOVE_ON: Sign(
        masked=Column(green=Flash(hz=2)),
        plain=Column(green=Flash(hz=2)),
        sound=_PIPS,
        english="Please move through",
        chinese="请尽快通过",
    ),
    Signal.DESK: Sign(
        masked=Column(side=STEADY),
        plain=Column(red=STEADY, ring=STEADY),
        sound=_FALLING,
        english="Please see staff at the desk",
        chinese="请到服务台",
    ),
    Signal.HELP_COMING: Sign(
        masked=Column(side=Breathing(hz=0.5)),
        plain=Column(red=Breathing(hz=0.5), ring=Breathing(hz=0.5)),
        sound=_LOW_TONE,
        english="Staff are coming",
        chinese="工作人员马上到",
    ),
    Signal.FULL: Sign(
        masked=Column(red=STEADY, side=Flash(hz=1)),
        plain=Column(red=STEADY, ring=Flash(hz=1)),
        sound=_SILENT,
        english="Full: use point B",
        chinese="人数已满，请走B口",
    ),
    Signal.OUT_OF_SERVICE: Sign(
        masked=Column(red=STEADY),
        plain=Column(red=STEADY),
        sound=_SILENT,
        english="Closed: use another gate",
        chinese="暂停使用，请走其他通道",
    ),
    Signal.ALARM: Sign(
        masked=Column(red=Flash(hz=2)),
        plain=Column(red=Flash(hz=2)),
        sound=_SIREN,
        english="Stop: staff are coming",
        chinese="请止步，等候工作人员",
    ),
    Signal.FIRE: Sign(
        masked=Column(red=STEADY, exit=Running(hz=1)),
        plain=Column(red=STEADY, exit=Running(hz=1)),
        sound=_SILENT,  # the building's own alarm speaks
        english="Do not enter / Leave now",
        chinese="禁止进入／请立即撤离",
    ),
}


def lamps(signal: Signal, t_s: float, kind: Kind) -> Lamps:
    """Return every lamp's brightness `t_s` seconds after `signal` began, for this kind of lamps."""
    column = SIGNS[signal].masked if kind == "masked" else SIGNS[signal].plain
    return Lamps(
        red=level(column.red, t_s),
        ring=level(column.ring, t_s),
        hand=level(column.hand, t_s),
        side=level(column.side, t_s),
        green=level(column.green, t_s),
        exit=level(column.exit, t_s),
    )
