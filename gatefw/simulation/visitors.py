"""Who comes to the gate: what each visitor brings, does and ought to get. Plans are values; `people` walks them.

`forehead_c` is the true temperature of the skin. What the gate makes of it is its own business; with the default
offset of the site (T = skin + 0.5 °C) the bands below lie clear of the limit and of the guard band around it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import numpy as np

from gatefw.simulation.mlx90614 import FAULTS

Expected = Literal["admitted", "refused", "assist"]
"""What a visitor gets when the gate does its work. Leaving without a verdict counts as refused."""

NORMAL_SKIN_C: Final = (35.6, 36.2)
FEVER_SKIN_C: Final = (38.2, 39.4)
LOW_SKIN_C: Final = (31.5, 33.0)
QR_LIMIT: Final = 7089
"""QR version 40, level L, digits only (ISO/IEC 18004:2015, table 7): nothing longer fits in any mode."""


class Code(StrEnum):
    """What a visitor's phone shows."""

    NONE = "none"
    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    BLACK_AND_WHITE = "black_and_white"
    EXPIRED = "expired"
    FORGED = "forged"
    HC1_GREEN = "hc1_green"
    FOREIGN_TEXT = "foreign_text"
    LITERAL = "literal"
    BINARY = "binary"
    PICTURE = "picture"


class Order(StrEnum):
    """Which comes first: the phone or the face."""

    WITH_FACE = "with_face"
    FIRST = "first"
    AFTER = "after"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """How a phone is held: see `scene.Phone` for units and signs."""

    size: float = 0.5
    x: float = 0.5
    y: float = 0.5
    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    blur_px: float = 0.6
    motion_px: float = 0.0
    brightness: float = 0.8
    glare: float = 0.0
    covered: float = 0.0
    dark_mode: bool = False
    paper: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorPlan:
    """One visitor. `literal` is the text of a LITERAL code, `raw` the bytes of a BINARY one or a PICTURE's file.

    `not_before_s` counts from the opening of the yard. `gap_s` is how long the lane stands empty before this visitor
    steps up; `patience_s` how long they stay without a sign. `sensor_fault` names what the thermometer suffers while
    they stand there (see `mlx90614`). `second` is the code on a companion's phone held beside the first. `person` is
    the number under which the codes were issued; None = this visitor's own.
    """

    number: int
    kind: str
    expected: Expected
    code: Code
    literal: str | None = None
    raw: bytes | None = None
    second: Code = Code.NONE
    person: int | None = None
    pose: Pose = Pose()
    forehead_c: float = 35.9
    order: Order = Order.WITH_FACE
    forces_entry: bool = False
    tailgated: bool = False
    uses_grant: bool = True
    sensor_fault: str | None = None
    gap_s: float = 2.0
    patience_s: float = 25.0
    not_before_s: float = 0.0

    def __post_init__(self) -> None:
        if (self.literal is not None) != (self.code is Code.LITERAL):
            raise ValueError(f"Visitor {self.number}: give `literal`, a text, for code literal and only there.")
        if (self.raw is not None) != (self.code in (Code.BINARY, Code.PICTURE)):
            raise ValueError(f"Visitor {self.number}: give `raw`, bytes, for code binary or picture and only there.")
        if self.code is not Code.PICTURE and len(self.literal or self.raw or "") > QR_LIMIT:
            raise ValueError(f"Visitor {self.number}: no QR code holds that much; shorten it to {QR_LIMIT}.")
        if self.sensor_fault is not None and self.sensor_fault not in FAULTS:
            raise ValueError(f"Visitor {self.number}: the sensor's faults are {', '.join(FAULTS)}.")
        for name in ("forehead_c", "gap_s", "patience_s", "not_before_s"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"Visitor {self.number}: {name} must be a number.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A sort of visitor for drawn crowds: how common, and what sets them apart from a healthy one with a green code."""

    weight: float
    expected: Expected
    code: Code = Code.GREEN
    skin_c: tuple[float, float] = NORMAL_SKIN_C
    dark_mode: bool = False
    forces_entry: bool = False
    tailgated: bool = False
    uses_grant: bool = True
    sensor_fault: str | None = None


KINDS: Final[Mapping[str, Kind]] = {
    "green_normal": Kind(weight=10.0, expected="admitted"),
    "red": Kind(weight=1.5, expected="refused", code=Code.RED),
    "forged": Kind(weight=1.5, expected="refused", code=Code.FORGED),
    "fever": Kind(weight=1.5, expected="refused", skin_c=FEVER_SKIN_C),
    "dark_mode": Kind(weight=2.0, expected="admitted", dark_mode=True),
    "static_code": Kind(weight=1.0, expected="assist", code=Code.HC1_GREEN),
    "forced_entry": Kind(weight=0.5, expected="refused", code=Code.NONE, forces_entry=True),
    "sensor_fault": Kind(weight=0.5, expected="assist", sensor_fault="nak"),
    "no_code": Kind(weight=1.0, expected="assist", code=Code.NONE),
    "expired": Kind(weight=1.0, expected="assist", code=Code.EXPIRED),
    "low_temperature": Kind(weight=1.0, expected="assist", skin_c=LOW_SKIN_C),
    "foreign": Kind(weight=1.0, expected="assist", code=Code.FOREIGN_TEXT),
    "yellow": Kind(weight=0.7, expected="assist", code=Code.YELLOW),
    "orange": Kind(weight=0.5, expected="refused", code=Code.ORANGE),
    "black_and_white": Kind(weight=0.5, expected="assist", code=Code.BLACK_AND_WHITE),
    "tailgated": Kind(weight=0.3, expected="admitted", tailgated=True),
    "grant_not_used": Kind(weight=0.5, expected="admitted", uses_grant=False),
}
"""The first eight open every crowd of eight or more: the fates that the gate exists for."""

OPENING: Final = 8


def draw_plans(count: int, seed: int, kinds: Sequence[str] | None = None) -> tuple[VisitorPlan, ...]:
    """Draw a crowd. The same (count, seed, kinds) gives the same plans; ValueError names an unknown kind."""
    chosen = tuple(KINDS) if kinds is None else tuple(kinds)
    for kind in chosen:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of visitor; choose from {', '.join(KINDS)}.")
    if count and not chosen:
        raise ValueError("Name at least one kind of visitor.")
    opening = chosen[:OPENING] if count >= OPENING else chosen[:1]
    weights = np.array([KINDS[kind].weight for kind in chosen])
    rng = np.random.default_rng([seed, 0])
    rest = rng.choice(chosen, size=max(0, count - len(opening)), p=weights / weights.sum()) if count else ()
    order = (*opening, *(str(kind) for kind in rest))[:count]
    return tuple(plan_visitor(number, kind, seed) for number, kind in enumerate(order, start=1))


def plan_visitor(number: int, kind: str, seed: int) -> VisitorPlan:
    """Draw one visitor of a kind: hands, eyes, skin and pace differ by (seed, number)."""
    kept = KINDS[kind]
    rng = np.random.default_rng([seed, 1, number])
    return VisitorPlan(
        number=number,
        kind=kind,
        expected=kept.expected,
        code=kept.code,
        pose=_hold(rng, kept.dark_mode),
        forehead_c=round(float(rng.uniform(*kept.skin_c)), 2),
        order=Order(str(rng.choice([o.value for o in Order], p=[0.6, 0.25, 0.15]))),
        forces_entry=kept.forces_entry,
        tailgated=kept.tailgated,
        uses_grant=kept.uses_grant,
        sensor_fault=kept.sensor_fault,
        gap_s=round(float(rng.uniform(1.5, 3.5)), 2),
    )


def _hold(rng: np.random.Generator, dark_mode: bool) -> Pose:
    """Draw how a cooperating visitor holds a phone: near the middle, a little tilted, a little blurred."""

    def about(spread: float) -> float:
        return round(float(np.clip(rng.normal(0.0, spread), -2 * spread, 2 * spread)), 2)

    return Pose(
        size=round(float(rng.uniform(0.5, 0.62)), 3),
        x=0.5 + about(0.03),
        y=0.5 + about(0.03),
        roll_deg=about(6.0),
        yaw_deg=about(5.0),
        pitch_deg=about(5.0),
        blur_px=round(float(rng.uniform(0.3, 0.8)), 2),
        brightness=round(float(rng.uniform(0.6, 1.0)), 2),
        dark_mode=dark_mode,
    )
