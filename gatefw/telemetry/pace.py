"""PURE. How fast the link tries, waits and gives up: every number of the link, with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WILL_DELAY_S: Final = 30
"""The broker tells our death only after this long: a short break of the network is no outage."""

SESSION_EXPIRY_S: Final = 3600
"""Longer than the will's delay: a session that ended would set the will free at once (MQTT 5, 3.1.3.2.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The link's times in seconds and its window in messages."""

    window: int = 20
    """Publishes in flight; the broker's Receive Maximum lowers it (mosquitto's default is 20 as well)."""
    keepalive_s: int = 30
    progress_s: float = 10.0
    """Connected, something in flight, and no acknowledgement for so long: the connection is dead."""
    backoff_first_s: float = 1.0
    backoff_most_s: float = 60.0
    denied_pause_s: float = 60.0
    """A publish the broker denied is tried again after this long: somebody must mend its access list."""
    mark_every_s: float = 0.1
    """Acknowledged rows are marked in groups at least this often."""


class Backoff:
    """Full jitter: the n-th wait is uniform in [0, min(most, first · 2ⁿ)], but at least a tenth of `first`.

    After "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015); the floor keeps a refusing broker from
    being called in a tight loop. `draw` returns uniform numbers in [0, 1).
    """

    def __init__(self, pace: Pace, draw: Callable[[], float]) -> None:
        self._pace = pace
        self._draw = draw
        self._failures = 0

    def failed(self) -> float:
        """Count a failure and return how many seconds to wait."""
        # 2⁶⁴ s is past every bound; a float can't take the 1,025th power.
        ceiling_s = min(self._pace.backoff_most_s, self._pace.backoff_first_s * 2.0 ** min(self._failures, 64))
        self._failures += 1
        return max(self._pace.backoff_first_s / 10, self._draw() * ceiling_s)

    def worked(self) -> None:
        """The broker took something: begin anew."""
        self._failures = 0
