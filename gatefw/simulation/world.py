"""The physical world around the gate: turnstile, contacts, people, the lane's air, and what a camera would see.

Time moves only by `advance`, from event to event, and stops at each contact that changes. Nothing here knows a rule
of the gate, and the same arguments and pin levels give the same world, to the bit.
"""

import math
from collections.abc import Sequence
from typing import Final

from gatefw.simulation.people import Stage, Visitor
from gatefw.simulation.report import Glance, Happening, Report, Switch
from gatefw.simulation.scene import Scene
from gatefw.simulation.sight import LampBoard
from gatefw.simulation.staff import Staff
from gatefw.simulation.turnstile import Controller, Track, Turnstile
from gatefw.simulation.view import View, Wallet
from gatefw.simulation.visitors import VisitorPlan
from gatefw.simulation.wiring import CONTACTS, LAMPS, OUTPUTS, Edge, Wiring

AMBIENT_C: Final = 22.0
FAILS_AFTER_S: Final = 0.5
"""How long a face has been before the sensor when the plan lets the sensor fail."""
AMBIENT_SWING_C: Final = 0.1
AMBIENT_PERIOD_S: Final = 1800.0
"""A heated hall: at most 0.02 °C a minute."""
WALL_ABOVE_AMBIENT_C: Final = 0.2


class World:
    """One gate's surroundings. `starts_utc` is the wall clock (Unix seconds) when its own clock shows `starts_s`."""

    def __init__(
        self,
        *,
        wiring: Wiring,
        plans: Sequence[VisitorPlan],
        wallet: Wallet,
        controller: Controller,
        starts_s: float,
        starts_utc: float,
        ambient_c: float = AMBIENT_C,
        happenings: Sequence[Happening] = (),
    ) -> None:
        self.now_s = starts_s
        self._starts_s = starts_s
        self._ambient_c = ambient_c
        self._view = View(wallet=wallet, utc=lambda at_s: starts_utc + at_s - starts_s)
        self._wiring = wiring
        self._names = wiring.names()
        self._levels = dict.fromkeys(OUTPUTS, 0.0)
        self._switches = dict.fromkeys(Switch, False)
        self._happenings = sorted(happenings, key=lambda h: h.after_s)
        self._turnstile = Turnstile(controller=controller)
        self._lamps = LampBoard(wiring)
        self._buzzer = Track()
        self._staff = Staff(lambda turned: self.switch(Switch.KEY, turned))
        self._visitors = [Visitor(plan, starts_s=starts_s) for plan in plans]
        self._turn = 0
        if self._visitors:
            self._visitors[0].queue(starts_s)
        self._contacts = self._contact_levels()

    # ------------------------------------------------------------ the gate's lines

    def set_pin(self, pin: int, level: float) -> None:
        """Set an output of the gate, 0..1, at the present moment. A pin that leads nowhere is ignored."""
        name = self._names.get(pin)
        if name in self._levels and level != self._levels[name]:
            self._levels[name] = level
            self._feel(name, level)

    def float_outputs(self) -> None:
        """Let every output of the gate fall: nobody drives the lines, and pull-downs hold them low."""
        for pin in self._names:
            self.set_pin(pin, 0.0)

    def contacts(self) -> dict[int, bool]:
        """Return each contact's line as it is now: BCM number to high."""
        return dict(self._contacts)

    def switch(self, switch: Switch, on: bool) -> None:
        """Do something to the yard, now."""
        self._switches[switch] = on
        if switch is Switch.FIRE_PANEL:
            self._turnstile.set_fire(on, self.now_s)
        elif switch is Switch.RELAY_WELDED:
            self._turnstile.set_welded(on, self.now_s)

    def is_on(self, switch: Switch) -> bool:
        """Tell how a switch stands."""
        return self._switches[switch]

    def _feel(self, name: str, level: float) -> None:
        high = level >= 0.5
        if name == "relay":
            self._turnstile.set_relay(high, self.now_s)
        elif name == "heartbeat" and not self._switches[Switch.HEARTBEAT_CUT]:
            self._turnstile.set_heartbeat(high, self.now_s)
        elif name == "stop":
            self._turnstile.set_stop(high, self.now_s)
        elif name == "buzzer":
            self._buzzer.set(level > 0, self.now_s)
        elif name in LAMPS:
            self._lamps.set(name, level, self.now_s)
            self._staff.look(self.now_s, self._lamps)

    # ------------------------------------------------------------ time

    def advance(self, until_s: float) -> tuple[float, tuple[Edge, ...]]:
        """Let time pass to `until_s` or to the first contact that changes; return the time and the changes."""
        while True:
            edges = self._edges()
            due_s = self.next_s()
            if edges or due_s > until_s:
                if not edges:
                    self.now_s = max(self.now_s, until_s)
                return self.now_s, edges
            self.now_s = max(self.now_s, due_s)
            self._happen()

    def next_s(self) -> float:
        """Return when the next thing happens by itself."""
        happening_s = self._starts_s + self._happenings[0].after_s if self._happenings else math.inf
        visitor = self._at_turn()
        visitor_s = visitor.next_s if visitor else math.inf
        return min(self._turnstile.next_s(), visitor_s, self._staff.next_s, happening_s)

    @property
    def everyone_left(self) -> bool:
        """All visitors have come and gone."""
        return self._turn >= len(self._visitors)

    def _happen(self) -> None:
        now_s = self.now_s
        while self._happenings and self._starts_s + self._happenings[0].after_s <= now_s:
            happening = self._happenings.pop(0)
            self.switch(happening.switch, happening.on)
        self._turnstile.advance(now_s)
        visitor = self._at_turn()
        if visitor and visitor.next_s <= now_s:
            visitor.step(now_s, self._lamps, self._turnstile)
            self._call_next(visitor)
        self._staff.look(now_s, self._lamps)
        if self._staff.next_s <= now_s:
            self._staff.step(now_s, self._lamps)

    def _at_turn(self) -> Visitor | None:
        return self._visitors[self._turn] if self._turn < len(self._visitors) else None

    def _call_next(self, visitor: Visitor) -> None:
        if visitor.stage is Stage.GONE:
            self._turn += 1
            if following := self._at_turn():
                following.queue(self.now_s)

    def _edges(self) -> tuple[Edge, ...]:
        before, self._contacts = self._contacts, self._contact_levels()
        return tuple(Edge(pin, high) for pin, high in self._contacts.items() if high != before[pin])

    def _contact_levels(self) -> dict[int, bool]:
        turned = self._switches
        high = {
            "passage": not self._turnstile.occupied.on,
            "fire": turned[Switch.FIRE_PANEL] or turned[Switch.FIRE_LINE_CUT],
            "tamper": turned[Switch.TAMPER],
            "feedback": not self._turnstile.contact.on,
            "acknowledge": not turned[Switch.KEY],
        }
        return {pin: high[name] for name in CONTACTS if (pin := self._wiring.line(name)) is not None}

    # ------------------------------------------------------------ what sensors see

    def ambient_c(self) -> float:
        """Return the air's temperature at the sensor."""
        phase = 2 * math.pi * (self.now_s - self._starts_s) / AMBIENT_PERIOD_S
        return self._ambient_c + AMBIENT_SWING_C * math.sin(phase)

    def object_c(self) -> float:
        """Return the mean temperature in the sensor's cone: the far wall, covered by as much forehead as is there."""
        wall_c = self.ambient_c() + WALL_ABOVE_AMBIENT_C
        visitor = self._at_turn()
        if visitor is None:
            return wall_c
        return wall_c + visitor.face_extent(self.now_s) * (visitor.plan.forehead_c - wall_c)

    def sensor_fault(self) -> str | None:
        """Return what ails the thermometer now, as `mlx90614` names it."""
        visitor = self._at_turn()
        # it fails in the middle of the measurement: a gate whose sensor failed before has closed already
        ails = visitor is not None and visitor.present and visitor.face_extent(self.now_s - FAILS_AFTER_S) >= 1.0
        return visitor.plan.sensor_fault if visitor and ails else None

    def scene(self) -> Scene:
        """Return what stands before the camera now."""
        if self._switches[Switch.BLANK_FRAMES]:
            return Scene(blank=True)
        return self._view.scene(self._at_turn(), self.now_s)

    # ------------------------------------------------------------ what judges see

    def report(self) -> Report:
        """Return everything that was seen so far."""
        return Report(
            starts_s=self._starts_s,
            now_s=self.now_s,
            relay_line=self._turnstile.relay_line.spans(),
            coil=self._turnstile.coil.spans(),
            unlocked=self._turnstile.unlocked.spans(),
            occupied=self._turnstile.occupied.spans(),
            buzzer=self._buzzer.spans(),
            lamps=self._lamps.log(),
            passages=self._turnstile.passages(),
            visitors=tuple(visitor.span() for visitor in self._visitors),
        )

    def glance(self, width_px: int, height_px: int, thumbnail: bytes) -> Glance:
        """Return this moment for a live view, with a small picture that the yard made."""
        visitor = self._at_turn()
        here = visitor if visitor and visitor.present else None
        return Glance(
            now_s=self.now_s,
            visitor=here.plan.number if here else None,
            kind=here.plan.kind if here else None,
            stage=here.stage.value if here else None,
            forehead_c=here.plan.forehead_c if here else None,
            coil=self._turnstile.coil.on,
            unlocked=self._turnstile.unlocked.on,
            occupied=self._turnstile.occupied.on,
            lamps=self._lamps.levels(),
            width_px=width_px,
            height_px=height_px,
            thumbnail=thumbnail,
        )
