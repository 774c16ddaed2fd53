"""What a lamp or the buzzer does over time, as pure functions of the seconds since its signal began."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, assert_never

FLASH_LIMIT_HZ: Final = 2.0
"""No lamp flashes faster (the house's limit; WCAG 2.3.1 allows three flashes a second)."""

BREATH_FLOOR: Final = 0.1
"""A breathing lamp never goes out: dark means closed."""

PAUSE_S: Final = 1.0
"""Dark time after a group of flashes, twice the length of one flash and its gap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Off:
    """Dark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Steady:
    """Lit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Breathing:
    """Swells and fades as a cosine, brightest at first; never quite dark."""

    hz: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Flash:
    """Half of each cycle lit, half dark; lit at first."""

    hz: float

    def __post_init__(self) -> None:
        if not 0 < self.hz <= FLASH_LIMIT_HZ:
            raise ValueError(f"a lamp may flash at up to {FLASH_LIMIT_HZ} Hz, not at {self.hz} Hz")


@dataclass(frozen=True, kw_only=True, slots=True)
class Flashes:
    """So many flashes at 2 Hz, then a pause, again and again."""

    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """Thirds light one after the other, then all go dark: a bar-graph arrow runs, a single lamp climbs."""

    hz: float


Pattern = Off | Steady | Breathing | Flash | Flashes | Running

OFF: Final = Off()
STEADY: Final = Steady()


def level(pattern: Pattern, t_s: float) -> float:
    """Return the brightness from 0 (dark) to 1 (full) at `t_s` seconds after the pattern began."""
    match pattern:
        case Off():
            return 0.0
        case Steady():
            return 1.0
        case Breathing(hz=hz):
            wave = (1 + math.cos(2 * math.pi * hz * t_s)) / 2
            return BREATH_FLOOR + (1 - BREATH_FLOOR) * wave
        case Flash(hz=hz):
            return 1.0 if t_s * hz % 1 < 0.5 else 0.0
        case Flashes(count=count):
            flashing_s = count / FLASH_LIMIT_HZ
            at_s = t_s % (flashing_s + PAUSE_S)
            return 1.0 if at_s < flashing_s and at_s * FLASH_LIMIT_HZ % 1 < 0.5 else 0.0
        case Running(hz=hz):
            return math.floor(t_s * hz % 1 * 4) / 3
        case _:
            assert_never(pattern)


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A tone of `hz` for `for_s` seconds, then silence for `rest_s`. Plain buzzers know no pitch: rhythm counts."""

    hz: float
    for_s: float
    rest_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """Notes, played once, or over and over for `repeat_s` seconds. `loudness` from 0 to 1 is relative."""

    notes: tuple[Note, ...] = ()
    repeat_s: float = 0.0
    loudness: float = 1.0


def tone_hz(sound: Sound, t_s: float) -> float | None:
    """Return the tone that sounds at `t_s` seconds after the signal began, or None for silence."""
    ends_s = tuple(accumulate(note.for_s + note.rest_s for note in sound.notes))
    if not ends_s or t_s < 0 or t_s >= max(sound.repeat_s, ends_s[-1]):
        return None
    at_s = t_s % ends_s[-1]
    for note, end_s in zip(sound.notes, ends_s, strict=True):
        if at_s < end_s:
            return note.hz if at_s < end_s - note.rest_s else None
    return None
