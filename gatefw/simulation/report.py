"""What the yard tells those who judge the gate from outside. All times are on the yard's clock (`starts_s` and on).

In live mode that clock is CLOCK_MONOTONIC, in lockstep the virtual one; the daemon runs on the same.
"""

from dataclasses import dataclass
from enum import StrEnum

from gatefw.simulation.people import VisitorSpan
from gatefw.simulation.sight import LampsSeen
from gatefw.simulation.turnstile import Passage, Span


class Switch(StrEnum):
    """What a judge or a scenario may do to the yard."""

    BLANK_FRAMES = "blank_frames"
    CAMERA_STALL = "camera_stall"
    HEARTBEAT_CUT = "heartbeat_cut"
    FIRE_PANEL = "fire_panel"
    FIRE_LINE_CUT = "fire_line_cut"
    TAMPER = "tamper"
    KEY = "key"
    RELAY_WELDED = "relay_welded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """Turn a switch `after_s` seconds after the opening of the yard."""

    after_s: float
    switch: Switch
    on: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything that was seen from outside since the yard opened.

    `relay_line` is what the daemon's line asked for, `coil` what the charge pump let through, `unlocked` when a
    body could have begun a passage.
    """

    starts_s: float
    now_s: float
    relay_line: tuple[Span, ...]
    coil: tuple[Span, ...]
    unlocked: tuple[Span, ...]
    occupied: tuple[Span, ...]
    buzzer: tuple[Span, ...]
    lamps: tuple[LampsSeen, ...]
    passages: tuple[Passage, ...]
    visitors: tuple[VisitorSpan, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Glance:
    """The yard at this moment, for a live view. `thumbnail` is `height_px` rows of `width_px` luma bytes."""

    now_s: float
    visitor: int | None
    kind: str | None
    stage: str | None
    forehead_c: float | None
    coil: bool
    unlocked: bool
    occupied: bool
    lamps: dict[str, float]
    width_px: int
    height_px: int
    thumbnail: bytes
