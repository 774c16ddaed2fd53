"""What a person standing at the gate sees of its lamps, and what they make of it.

People read position and rhythm: lit, steady for a while, flashing. They know no rule of the gate. The same
eyes serve the masked windows and the plain three-lamp column (hand and side not fitted).
"""

import math
from dataclasses import dataclass
from typing import Final

from gatefw.simulation.wiring import LAMPS, Wiring

LIT: Final = 0.5
"""From this level on a lamp is lit; a breathing lamp crosses it twice a cycle."""
STEADY_S: Final = 1.5
"""Longer than any half cycle of SIGNALS (0.5 Hz breathing is lit for 1 s)."""
FLASHING_S: Final = 1.6
FLASHING_TURNS: Final = 5
"""2 Hz turns 6 times in 1.6 s, 1 Hz three times."""
GO_S: Final = 0.2
RECENT_S: Final = 1.2
"""A little longer than the dark half of the slowest flash (0.5 Hz): what was lit may come back until then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LampsSeen:
    """From `at_s` on these lamps were on: (name, level), 1.0 lit, 0.5 dimmed; the others were dark."""

    at_s: float
    lamps: tuple[tuple[str, float], ...]


class _Lamp:
    """One lamp's level and its recent history."""

    def __init__(self) -> None:
        self.level = 0.0
        self.turned_s = -math.inf
        self.last_lit_s = -math.inf
        self._turns: list[float] = []

    @property
    def lit(self) -> bool:
        return self.level >= LIT

    def set(self, level: float, at_s: float) -> None:
        was_lit, self.level = self.lit, level
        if was_lit or self.lit:
            self.last_lit_s = at_s
        if was_lit != self.lit:
            self.turned_s = at_s
            self._turns = [t for t in self._turns if t > at_s - FLASHING_S] + [at_s]

    def steady(self, at_s: float) -> bool:
        return self.lit and at_s - self.turned_s >= STEADY_S

    def flashing(self, at_s: float) -> bool:
        return sum(t > at_s - FLASHING_S for t in self._turns) >= FLASHING_TURNS

    def lit_lately(self, at_s: float) -> bool:
        return self.lit or at_s - self.last_lit_s < RECENT_S


class LampBoard:
    """The lamps of one gate, fed with the levels on their pins."""

    def __init__(self, wiring: Wiring) -> None:
        self._lamps = {name: _Lamp() for name in LAMPS if wiring.line(name) is not None}
        self._log: list[LampsSeen] = []
        self._shown: tuple[tuple[str, float], ...] = ()

    def set(self, name: str, level: float, at_s: float) -> None:
        """Set a lamp's level, 0..1."""
        self._lamps[name].set(level, at_s)
        shown = tuple((n, step) for n, lamp in self._lamps.items() if (step := coarse(lamp.level)) > 0)
        if shown != self._shown:
            self._shown = shown
            self._log.append(LampsSeen(at_s=at_s, lamps=shown))

    def log(self) -> tuple[LampsSeen, ...]:
        """Return each change that an eye would see."""
        return tuple(self._log)

    def levels(self) -> dict[str, float]:
        """Return each fitted lamp's level."""
        return {name: lamp.level for name, lamp in self._lamps.items()}

    def says_go(self, at_s: float) -> bool:
        """The green arrow has been lit long enough to be noticed."""
        green = self._lamps["green"]
        return green.lit and at_s - green.turned_s >= GO_S

    def says_desk(self, at_s: float) -> bool:
        """The arrow to the side stands steady."""
        side = self._lamps.get("side")
        return side is not None and side.steady(at_s)

    def says_closed(self, at_s: float) -> bool:
        """The red bar stands or flashes."""
        return self._lamps["red"].steady(at_s) or self.says_alarm(at_s)

    def says_alarm(self, at_s: float) -> bool:
        """The red bar flashes."""
        return self._lamps["red"].flashing(at_s)

    def invites(self, at_s: float) -> bool:
        """The ring breathes or stands, and nothing else has been lit for a while: the next may come."""
        others = (lamp for name, lamp in self._lamps.items() if name not in ("ring", "exit"))
        return self._lamps["ring"].lit_lately(at_s) and not any(lamp.lit_lately(at_s) for lamp in others)


def coarse(level: float) -> float:
    """Round a level to what an eye tells apart: dark, dimmed, lit."""
    if level < 0.05:
        return 0.0
    return 1.0 if level > 0.95 else 0.5
