"""Which line of the Raspberry Pi goes where: BCM numbers, as the technician wires them. None is not fitted."""

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

LAMPS: Final = ("red", "ring", "hand", "side", "green", "exit")
"""Outputs that a person sees."""

OUTPUTS: Final = ("relay", "heartbeat", "stop", *LAMPS, "buzzer")
CONTACTS: Final = ("passage", "fire", "tamper", "feedback", "acknowledge")


class Edge(NamedTuple):
    """A contact's line changed: `pin` is its BCM number."""

    pin: int
    high: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Wiring:
    """The gate's lines. Outputs are active-high; a closed contact pulls its line low."""

    relay: int = 17
    heartbeat: int = 27
    stop: int | None = 22
    passage: int = 5
    fire: int | None = 6
    tamper: int | None = 13
    feedback: int | None = 19
    acknowledge: int | None = 26
    red: int = 23
    ring: int = 24
    hand: int | None = 25
    side: int | None = 12
    green: int = 16
    buzzer: int | None = 18
    exit: int | None = 20

    def __post_init__(self) -> None:
        fitted = [pin for f in fields(self) if (pin := getattr(self, f.name)) is not None]
        if len(set(fitted)) != len(fitted):
            raise ValueError(f"Two lines share one pin in {self}; give each its own.")

    def line(self, name: str) -> int | None:
        """Return the BCM number of a line called as in OUTPUTS or CONTACTS."""
        pin: int | None = getattr(self, name)
        return pin

    def names(self) -> dict[int, str]:
        """Return every fitted line's name by its BCM number."""
        return {pin: f.name for f in fields(self) if (pin := self.line(f.name)) is not None}

    def contacts(self) -> int:
        """Return how many contact lines are fitted."""
        return sum(self.line(name) is not None for name in CONTACTS)
