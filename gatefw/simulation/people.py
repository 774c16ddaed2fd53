"""A visitor at the gate as a state machine in time: looks at the lamps, acts, leaves.

People act by what they see (`sight`) and by what the turnstile lets them do, never by the gate's rules or state.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from gatefw.simulation.turnstile import FOLLOW_GAP_S, How, Turnstile
from gatefw.simulation.visitors import Expected, Order, VisitorPlan

LOOK_S: Final = 0.1
"""How often an eye goes to the lamps."""
RAISE_S: Final = 0.5
"""Moving a phone in or out of view."""
LEAN_S: Final = 0.3
"""Moving a forehead in or out of the sensor's cone."""
STAGGER_S: Final = 2.0
"""How much later the second of phone and face comes, when they don't come together."""
REACTION_S: Final = 0.4
STEP_S: Final = 0.5
"""From the reader to the barrier, and from the barrier out of the lane."""
SHOVE_S: Final = 0.6
"""How long a locked barrier stands up to a body that pushes."""
WAIT_INVITED_S: Final = 20.0
"""Who is not invited by the ring for so long walks up all the same."""


class Stage(StrEnum):
    """Where a visitor is."""

    QUEUED = "queued"
    AT_READER = "at_reader"
    WALKING = "walking"
    PUSHING = "pushing"
    IN_PASSAGE = "in_passage"
    LEAVING = "leaving"
    GONE = "gone"


class Left(StrEnum):
    """Why a visitor left."""

    PASSED = "passed"
    DESK = "desk"
    CLOSED = "closed"
    PATIENCE = "patience"
    UNUSED = "unused"
    LOCKED = "locked"


class Sight(Protocol):
    """What eyes are given."""

    def says_go(self, at_s: float) -> bool:
        """Green arrow."""
        ...

    def says_desk(self, at_s: float) -> bool:
        """Arrow to the side."""
        ...

    def says_closed(self, at_s: float) -> bool:
        """Red bar."""
        ...

    def says_alarm(self, at_s: float) -> bool:
        """Red bar flashing."""
        ...

    def invites(self, at_s: float) -> bool:
        """The next may come."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorSpan:
    """What became of one visitor; times are None for one who has not come, or not left, yet."""

    number: int
    kind: str
    expected: Expected
    arrived_s: float | None
    left_s: float | None
    passed: bool
    why: Left | None


class Visitor:
    """One visitor, from the queue to leaving. `step` is called whenever `next_s` has come."""

    def __init__(self, plan: VisitorPlan, *, starts_s: float) -> None:
        self.plan = plan
        self.stage = Stage.QUEUED
        self.next_s = math.inf
        self.arrived_s: float | None = None
        self.left_s: float | None = None
        self.passed = False
        self.why: Left | None = None
        self._starts_s = starts_s
        self._due_s = math.inf
        self._queued_s = math.inf
        self._phone = _Reach(RAISE_S)
        self._face = _Reach(LEAN_S)

    def queue(self, at_s: float) -> None:
        """The lane is free of the one before: begin to wait for the invitation."""
        self._queued_s = max(at_s + self.plan.gap_s, self._starts_s + self.plan.not_before_s)
        self.next_s = self._queued_s

    def step(self, at_s: float, sight: Sight, turnstile: Turnstile) -> None:
        """Do what is due at `at_s`, and set when to look again."""
        self.next_s = at_s + LOOK_S
        match self.stage:
            case Stage.QUEUED:
                self._wait_outside(at_s, sight)
            case Stage.AT_READER:
                self._stand(at_s, sight)
            case Stage.WALKING | Stage.PUSHING | Stage.IN_PASSAGE | Stage.LEAVING if at_s < self._due_s:
                self.next_s = self._due_s
            case Stage.WALKING:
                self._reach_barrier(at_s, turnstile)
            case Stage.PUSHING:
                self._shove(at_s, turnstile)
            case Stage.IN_PASSAGE:
                self._walk_on(at_s, turnstile)
            case Stage.LEAVING:
                self._go(at_s)
            case Stage.GONE:
                self.next_s = math.inf

    def phone_extent(self, at_s: float) -> float:
        """Return how far the phone is held up: 0 away, 1 still before the camera."""
        return self._phone.extent(at_s)

    def face_extent(self, at_s: float) -> float:
        """Return how much of the sensor's cone the forehead fills, 0..1."""
        return self._face.extent(at_s)

    @property
    def present(self) -> bool:
        """The visitor stands in the lane."""
        return self.stage not in (Stage.QUEUED, Stage.GONE)

    def span(self) -> VisitorSpan:
        """Return what became of the visitor so far."""
        return VisitorSpan(
            number=self.plan.number,
            kind=self.plan.kind,
            expected=self.plan.expected,
            arrived_s=self.arrived_s,
            left_s=self.left_s,
            passed=self.passed,
            why=self.why,
        )

    def _wait_outside(self, at_s: float, sight: Sight) -> None:
        if sight.invites(at_s) or at_s - self._queued_s >= WAIT_INVITED_S:
            self.stage = Stage.AT_READER
            self.arrived_s = at_s
            order = self.plan.order
            self._phone.come(at_s + (STAGGER_S if order is Order.AFTER else 0.0))
            self._face.come(at_s + (STAGGER_S if order is Order.FIRST else 0.2))

    def _stand(self, at_s: float, sight: Sight) -> None:
        here_s = at_s - (self.arrived_s or 0.0)
        if self.plan.forces_entry and here_s >= STAGGER_S:
            self._head_for_barrier(at_s, pause_s=0.0)
        elif sight.says_go(at_s) and self.plan.uses_grant:
            self._head_for_barrier(at_s, pause_s=REACTION_S)
        elif sight.says_go(at_s):
            self._leave(at_s, Left.UNUSED)
        elif sight.says_closed(at_s):
            self._leave(at_s, Left.CLOSED)
        elif sight.says_desk(at_s):
            self._leave(at_s, Left.DESK)
        elif here_s >= self.plan.patience_s:
            self._leave(at_s, Left.PATIENCE)

    def _head_for_barrier(self, at_s: float, *, pause_s: float) -> None:
        self.stage = Stage.WALKING
        self._phone.go(at_s + pause_s)
        self._face.go(at_s + pause_s)
        self._wait(at_s + pause_s + STEP_S)

    def _reach_barrier(self, at_s: float, turnstile: Turnstile) -> None:
        if turnstile.enter(self.plan.number, at_s):
            self._enter(turnstile)
        elif self.plan.forces_entry:
            self.stage = Stage.PUSHING
            self._wait(at_s + SHOVE_S)
        else:
            self._leave(at_s, Left.LOCKED)

    def _shove(self, at_s: float, turnstile: Turnstile) -> None:
        if turnstile.enter(self.plan.number, at_s) or turnstile.push_through(self.plan.number, at_s, How.FORCED):
            self._enter(turnstile)
        else:
            self._leave(at_s, Left.LOCKED)

    def _enter(self, turnstile: Turnstile) -> None:
        self.stage = Stage.IN_PASSAGE
        self.passed = True
        follows = FOLLOW_GAP_S if self.plan.tailgated else 0.0
        self._wait(turnstile.clear_s() + follows)

    def _walk_on(self, at_s: float, turnstile: Turnstile) -> None:
        if self.plan.tailgated:
            turnstile.push_through(self.plan.number, at_s, How.TAILGATED)
        self._leave(max(at_s, turnstile.clear_s()), Left.PASSED)

    def _leave(self, at_s: float, why: Left) -> None:
        self.stage = Stage.LEAVING
        self.why = why
        self._phone.go(at_s)
        self._face.go(at_s)
        self._wait(at_s + STEP_S)

    def _go(self, at_s: float) -> None:
        self.stage = Stage.GONE
        self.left_s = at_s
        self.next_s = math.inf

    def _wait(self, due_s: float) -> None:
        self._due_s = due_s
        self.next_s = due_s


class _Reach:
    """Something that moves in over `ramp_s`, stays, and moves out over `ramp_s`; smooth at both ends."""

    def __init__(self, ramp_s: float) -> None:
        self._ramp_s = ramp_s
        self._come_s = math.inf
        self._go_s = math.inf

    def come(self, at_s: float) -> None:
        self._come_s = at_s

    def go(self, at_s: float) -> None:
        self._go_s = min(self._go_s, at_s)

    def extent(self, at_s: float) -> float:
        came = _smooth((at_s - self._come_s) / self._ramp_s)
        # one who leaves half way goes back from there
        gone = _smooth((at_s - self._go_s) / self._ramp_s)
        return max(0.0, came - gone) if self._go_s >= self._come_s else 0.0


def _smooth(x: float) -> float:
    """Ease from 0 to 1 (Hermite's cubic, 3x² - 2x³)."""
    x = min(1.0, max(0.0, x))
    return x * x * (3.0 - 2.0 * x)
