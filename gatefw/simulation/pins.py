"""GPIO of a Raspberry Pi in software: a pin factory under the real gpiozero, wired to the yard.

Outputs are sent to the yard at once, in the order in which they were set; what the yard drives arrives at
inputs as edges, through gpiozero's own callbacks. A line that is no longer an output is driven by nobody: the
yard gets 0.0 for it, as the board's pull-downs would make it. PWM lines send their duty cycle.
"""

from time import monotonic
from typing import Any, Protocol

from gpiozero.pins.mock import MockFactory, MockPWMPin

PI_4B_REVISION = "c03115"
"""Raspberry Pi 4B, 4 GB: the 40-pin header that BCM numbers 0-27 stand for."""


class PinLink(Protocol):
    """The way to the yard."""

    def write(self, pin: int, level: float) -> None:
        """Say that BCM line `pin` now stands at `level`: 0.0 low, 1.0 high, between them a duty cycle."""
        ...


class YardPin(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """One line. gpiozero's mock pin, but it tells the yard, starts low and keeps no history."""

    def _set_function(self, value: str) -> None:
        before = self._function
        super()._set_function(value)
        if value == "output":
            # like lgpio's claim: an output is low until it is told otherwise
            self._state = False
            self._factory.tell(self._number, 0.0)
        elif before == "output":
            self._factory.tell(self._number, 0.0)

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self._factory.apply(self._number)

    def _change_state(self, value: Any) -> bool:
        if self._state == value:
            return False
        self._state = value
        self._last_change = monotonic()
        if self._function == "output":
            self._factory.tell(self._number, float(value))
        return True

    def feel(self, *, high: bool) -> None:
        """Be driven from outside; an output doesn't mind."""
        if self._function == "input":
            (self.drive_high if high else self.drive_low)()


class YardFactory(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """The pin factory to give to gpiozero's devices. An input that nobody drives follows its pull."""

    def __init__(self, link: PinLink) -> None:
        super().__init__(revision=PI_4B_REVISION, pin_class=YardPin)
        self._link = link
        self._driven: dict[int, bool] = {}

    def drive(self, pin: int, high: bool) -> None:
        """Put BCM line `pin` at a level from outside, claimed already or not."""
        self._driven[pin] = high
        self.apply(pin)

    def apply(self, pin: int) -> None:
        """Let a claimed input feel what it is driven with."""
        # a copy: in live mode the yard's thread comes here while another still claims lines
        claimed = [p for info, p in self.pins.copy().items() if info.name == f"GPIO{pin}"]
        if claimed and pin in self._driven:
            claimed[0].feel(high=self._driven[pin])

    def tell(self, pin: int, level: float) -> None:
        """Tell the yard what an output does."""
        self._link.write(pin, level)
