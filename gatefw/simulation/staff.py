"""Staff who mind the alarm: they see the bar flash, come, and turn the key."""

import math
from collections.abc import Callable
from typing import Final

from gatefw.simulation.people import Sight


class Staff:
    """One person who notices a flashing bar, comes, looks, and turns the acknowledge key."""

    NOTICE_S: Final = 4.0
    TURN_S: Final = 0.5
    AGAIN_S: Final = 6.0

    def __init__(self, turn_key: Callable[[bool], None]) -> None:
        self.next_s = math.inf
        self._turn_key = turn_key
        self._key_turned = False
        self._called = False

    def look(self, at_s: float, sight: Sight) -> None:
        """Glance at the lamps whenever something in the yard happens."""
        if not self._called and sight.says_alarm(at_s):
            self._called = True
            self.next_s = at_s + self.NOTICE_S

    def step(self, at_s: float, sight: Sight) -> None:
        """Turn the key, turn it back; come again if the bar still flashes."""
        if self._key_turned:
            self._turn(False)
            self.next_s = at_s + self.AGAIN_S
        elif sight.says_alarm(at_s):
            self._turn(True)
            self.next_s = at_s + self.TURN_S
        else:
            self._called = False
            self.next_s = math.inf

    def _turn(self, on: bool) -> None:
        self._key_turned = on
        self._turn_key(on)
