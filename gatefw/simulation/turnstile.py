"""The turnstile, its controller and the charge pump before its coil: physics with explicit time, no rule of ours.

The coil pulls in only while the relay line is high and heartbeat edges keep the pump charged. What the coil's
contact then means depends on the controller: `level` is unlocked while it is closed; `pulse` latches a window.
Either way one body may pass a window, and nothing here can close on a body: a begun passage always ends by itself.
Every method takes the time; events up to that time must have been taken by `advance` first.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PUMP_TIME_CONSTANT_S: Final = 0.25
PUMP_GAIN: Final = 0.2
"""Share of the missing charge that one heartbeat edge brings: one edge alone doesn't reach the threshold."""
PUMP_HOLD_S: Final = 0.4
"""A full pump falls below the threshold this long after the last edge."""
PUMP_THRESHOLD: Final = math.exp(-PUMP_HOLD_S / PUMP_TIME_CONSTANT_S)

ARMATURE_S: Final = 0.008
"""From coil to contact: a small power relay pulls in and drops out within 5-10 ms."""
PULSE_S: Final = 0.1
WINDOW_S: Final = 5.0
"""PERCo's terminals: a pulse of 100 ms or more opens a window of 5 s; the Stop input ends it."""
PASSAGE_S: Final = 1.2
FOLLOW_GAP_S: Final = 0.25
"""Daylight between a body and one that follows on its heels."""


class Controller(StrEnum):
    """What the turnstile's maker did with the relay's contact."""

    LEVEL = "level"
    PULSE = "pulse"


class How(StrEnum):
    """What made a passage possible."""

    RELEASED = "released"
    FORCED = "forced"
    TAILGATED = "tailgated"
    FREE = "free"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Something was so from `on_s` to `off_s` (None: it still is)."""

    on_s: float
    off_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """One body went through: visitor's number, when it entered and left (None: it is still in)."""

    visitor: int
    in_s: float
    out_s: float | None
    how: How


class Track:
    """A yes-or-no quantity and the spans in which it was yes."""

    def __init__(self) -> None:
        self.on = False
        self._spans: list[Span] = []

    def set(self, on: bool, at_s: float) -> None:
        """Note the state from `at_s` on."""
        if on and not self.on:
            self._spans.append(Span(on_s=at_s, off_s=None))
        elif self.on and not on:
            self._spans[-1] = Span(on_s=self._spans[-1].on_s, off_s=at_s)
        self.on = on

    def spans(self) -> tuple[Span, ...]:
        """Return all spans so far, the last one open if it still is so."""
        return tuple(self._spans)


class ChargePump:
    """A capacitor that heartbeat edges fill and a resistor empties."""

    def __init__(self) -> None:
        self._charge = 0.0
        self._at_s = -math.inf

    def edge(self, at_s: float) -> None:
        """Take one edge of the heartbeat line, rising or falling."""
        left = self._charge * math.exp(-(at_s - self._at_s) / PUMP_TIME_CONSTANT_S)
        self._charge = left + (1.0 - left) * PUMP_GAIN
        self._at_s = at_s

    def fed_until_s(self) -> float:
        """Return when the charge falls to the threshold if no further edge comes."""
        if self._charge <= PUMP_THRESHOLD:
            return -math.inf
        return self._at_s + PUMP_TIME_CONSTANT_S * math.log(self._charge / PUMP_THRESHOLD)


class Turnstile:
    """Coil, contact, controller, barrier and the body in it."""

    def __init__(self, *, controller: Controller) -> None:
        self._controller = controller
        self._pump = ChargePump()
        self._heartbeat = False
        self._stop = False
        self._fire = False
        self._welded = False
        self._used = False
        self._armature_due_s = math.inf
        self._latch_due_s = math.inf
        self._window_end_s = -math.inf
        self._occupied_until_s = -math.inf
        self.relay_line = Track()
        self.coil = Track()
        self.contact = Track()
        self.unlocked = Track()
        self.occupied = Track()
        self._passages: list[Passage] = []

    # ------------------------------------------------------------ what is done to it

    def set_relay(self, high: bool, at_s: float) -> None:
        """Set the relay line."""
        self.relay_line.set(high, at_s)
        self.advance(at_s)

    def set_heartbeat(self, high: bool, at_s: float) -> None:
        """Set the heartbeat line; only a change is an edge."""
        if high != self._heartbeat:
            self._heartbeat = high
            self._pump.edge(at_s)
        self.advance(at_s)

    def set_stop(self, high: bool, at_s: float) -> None:
        """Set the controller's Stop input (pulse controllers only)."""
        self._stop = high
        self.advance(at_s)

    def set_fire(self, on: bool, at_s: float) -> None:
        """Set the fire terminal, to which the panel is wired without us."""
        self._fire = on
        self.advance(at_s)

    def set_welded(self, on: bool, at_s: float) -> None:
        """Weld the relay's contact shut, or free it."""
        self._welded = on
        self.advance(at_s)

    def enter(self, visitor: int, at_s: float) -> bool:
        """Let a body walk in. Returns False, and moves nothing, when locked or occupied."""
        if self.occupied.on or not self.unlocked.on:
            return False
        self._begin(visitor, How.FREE if self._fire else How.RELEASED, at_s)
        return True

    def push_through(self, visitor: int, at_s: float, how: How) -> bool:
        """Let a body in against the lock (forced) or behind another (tailgated). False while one is in."""
        if self.occupied.on:
            return False
        self._begin(visitor, how, at_s)
        return True

    # ------------------------------------------------------------ what it does

    def next_s(self) -> float:
        """Return when the next thing happens by itself (infinity: nothing will)."""
        due = [self._armature_due_s, self._latch_due_s]
        if self.coil.on:
            due.append(self._pump.fed_until_s())
        if self._window_end_s > -math.inf:
            due.append(self._window_end_s)
        if self.occupied.on:
            due.append(self._occupied_until_s)
        return min(due)

    def advance(self, now_s: float) -> None:
        """Take what is due at `now_s`; call it at each `next_s`, in order."""
        self.coil.set(self.relay_line.on and now_s < self._pump.fed_until_s(), now_s)
        self._move_armature(now_s)
        self._latch(now_s)
        if self.occupied.on and now_s >= self._occupied_until_s:
            self._end(now_s)
        self.unlocked.set(self._is_unlocked(), now_s)

    def clear_s(self) -> float:
        """Return when the body that went in last is out (the past, if it is)."""
        return self._occupied_until_s

    def passages(self) -> tuple[Passage, ...]:
        """Return every passage so far, in order."""
        return tuple(self._passages)

    def _move_armature(self, now_s: float) -> None:
        wanted = self.coil.on or self._welded
        if wanted == self.contact.on:
            self._armature_due_s = math.inf
        elif self._armature_due_s == math.inf:
            self._armature_due_s = now_s + ARMATURE_S
        elif now_s >= self._armature_due_s:
            self._armature_due_s = math.inf
            self._switch_contact(wanted, now_s)

    def _switch_contact(self, closed: bool, now_s: float) -> None:
        self.contact.set(closed, now_s)
        self._latch_due_s = math.inf
        if closed and self._controller is Controller.PULSE:
            self._latch_due_s = now_s + PULSE_S
        elif closed:
            self._used = False

    def _latch(self, now_s: float) -> None:
        if now_s >= self._latch_due_s:
            self._latch_due_s = math.inf
            self._used = False
            self._window_end_s = now_s + WINDOW_S
        if now_s >= self._window_end_s or self._stop:  # who is in already has used the window up
            self._window_end_s = -math.inf

    def _is_unlocked(self) -> bool:
        if self._fire:
            return True
        if self._controller is Controller.LEVEL:
            return self.contact.on and not self._used
        return self._window_end_s > -math.inf and not self._used

    def _begin(self, visitor: int, how: How, at_s: float) -> None:
        self._used = True
        self._occupied_until_s = at_s + PASSAGE_S
        self.occupied.set(True, at_s)
        self._passages.append(Passage(visitor=visitor, in_s=at_s, out_s=None, how=how))
        self.advance(at_s)

    def _end(self, now_s: float) -> None:
        began = self._passages[-1]
        self._passages[-1] = Passage(visitor=began.visitor, in_s=began.in_s, out_s=now_s, how=began.how)
        self.occupied.set(False, now_s)
