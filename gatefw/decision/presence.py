"""Is somebody standing before the thermometer? Told by the object temperature's rise over the empty lane.

Rules: (1) only a rise of `rise_k` over the lane's baseline, within what skin can show, is a person; (2) the
baseline is the median of spaced readings taken while nobody is present, so that a slow drift of the lane is
followed and a person who stands long is not; (3) before the first empty reading the sensor's own temperature
stands for the lane; (4) no good reading for `gap_s` ends the presence: silence of the sensor is absence.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from math import isfinite
from statistics import median
from typing import Final

from gatefw.model import Reading


class LaneFault(StrEnum):
    """Why presence can't be told on this lane; the fault's name in events."""

    HOT_BASELINE = "hot_baseline"
    PRESENCE_STUCK = "presence_stuck"


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceRules:
    """The site's constants. Raises ValueError for a number that can't be meant.

    `baseline_limit_c`: over it a forehead (34-36 °C) may no longer rise by `rise_k`, and the lane is unusable
    without a distance sensor. `baseline_samples` readings, `baseline_step_s` apart, make the median. Nobody
    stands for `stuck_s`; what does is a lamp or a heated wall.
    """

    rise_k: float = 4.0
    object_min_c: float = 28.0
    object_max_c: float = 43.0
    gap_s: float = 1.0
    baseline_samples: int = 15
    baseline_step_s: float = 5.0
    baseline_limit_c: float = 30.0
    stuck_s: float = 300.0

    def __post_init__(self) -> None:
        if not all(isfinite(getattr(self, field.name)) for field in fields(self)):
            raise ValueError("presence rules must be finite numbers")
        if not (0 < self.rise_k <= 20 and 0 < self.gap_s <= 10 and self.stuck_s > self.gap_s):
            raise ValueError("presence rules: rise_k is 0-20 K, gap_s 0-10 s and less than stuck_s")
        if not (0 <= self.object_min_c < self.object_max_c <= 50):
            raise ValueError("presence rules: 0 <= object_min_c < object_max_c <= 50 °C")
        if not (1 <= self.baseline_samples <= 999 and self.baseline_step_s >= 0):
            raise ValueError("presence rules: baseline_samples is 1-999, baseline_step_s not negative")


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """What is known of the lane. Times are monotonic seconds.

    `since_s` is when the current presence began (None while nobody is there), `last_seen_s` its last good
    reading. `empty_lane_c` are the newest spaced readings of the empty lane, the last taken at `sampled_s`.
    """

    present: bool = False
    since_s: float | None = None
    last_seen_s: float | None = None
    empty_lane_c: tuple[float, ...] = ()
    sampled_s: float | None = None
    fault: LaneFault | None = None

    @property
    def baseline_c(self) -> float | None:
        """The empty lane's temperature, or None before it was ever seen empty."""
        return median(self.empty_lane_c) if self.empty_lane_c else None


NOBODY: Final = Presence()
"""The state at start: nothing seen yet."""


def observe(presence: Presence, reading: Reading, rules: PresenceRules) -> Presence:
    """Take one good reading. One that isn't finite counts as no reading."""
    presence = lapse(presence, reading.at_s, rules)
    if not (isfinite(reading.object_c) and isfinite(reading.ambient_c)):
        return presence
    if _is_person(presence, reading, rules):
        return _seen(presence, reading.at_s, rules)
    return presence if presence.present else _seen_empty(presence, reading, rules)


def lapse(presence: Presence, now_s: float, rules: PresenceRules) -> Presence:
    """Let time pass: without a good reading for `gap_s` nobody is present."""
    due_s = deadline(presence, rules)
    if due_s is None or now_s < due_s:
        return presence
    fault = None if presence.fault is LaneFault.PRESENCE_STUCK else presence.fault
    return replace(presence, present=False, since_s=None, last_seen_s=None, fault=fault)


def deadline(presence: Presence, rules: PresenceRules) -> float | None:
    """When `lapse` will end the presence if no good reading comes; None while nobody is present."""
    if presence.last_seen_s is None:
        return None
    return presence.last_seen_s + rules.gap_s


def _is_person(presence: Presence, reading: Reading, rules: PresenceRules) -> bool:
    baseline_c = presence.baseline_c
    lane_c = reading.ambient_c if baseline_c is None else baseline_c
    rises = reading.object_c - lane_c >= rules.rise_k
    return rises and rules.object_min_c <= reading.object_c <= rules.object_max_c


def _seen(presence: Presence, at_s: float, rules: PresenceRules) -> Presence:
    since_s = at_s if presence.since_s is None else presence.since_s
    fault = LaneFault.PRESENCE_STUCK if at_s - since_s >= rules.stuck_s else presence.fault
    return replace(presence, present=True, since_s=since_s, last_seen_s=at_s, fault=fault)


def _seen_empty(presence: Presence, reading: Reading, rules: PresenceRules) -> Presence:
    if presence.sampled_s is not None and reading.at_s < presence.sampled_s + rules.baseline_step_s:
        return presence
    empty_lane_c = (*presence.empty_lane_c, reading.object_c)[-rules.baseline_samples :]
    fault = LaneFault.HOT_BASELINE if median(empty_lane_c) > rules.baseline_limit_c else None
    return replace(presence, empty_lane_c=empty_lane_c, sampled_s=reading.at_s, fault=fault)
