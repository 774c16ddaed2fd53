"""systemd's watchdog, fed by completed steps and by nothing else (sd_notify(3), `Type=notify`, `WatchdogSec=`)."""

import os
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from sdnotify import SystemdNotifier

FEEDS_PER_INTERVAL: Final = 3
"""sd_watchdog_enabled(3) advises half of the interval; a third leaves room for one lost feed."""


class Watchdog:
    """Fits `ports.Watchdog`. Without a service manager every call is quiet."""

    def __init__(
        self,
        *,
        notify: Callable[[str], None],
        interval_s: float | None,
        monotonic: Callable[[], float] = time.monotonic,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """Send through `notify`; feed at most each third of `interval_s` (None: nobody asks for feeding)."""
        self._notify = notify
        self._close = close
        self._every_s = None if interval_s is None else interval_s / FEEDS_PER_INTERVAL
        self._monotonic = monotonic
        self._fed_s: float | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Take NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID as systemd sets them."""
        interval_s = _interval_s(environment)
        if not environment.get("NOTIFY_SOCKET"):
            return cls(notify=lambda _state: None, interval_s=interval_s)
        notifier: Any = SystemdNotifier()
        if notifier.socket is None:
            return cls(notify=lambda _state: None, interval_s=interval_s)
        # a manager that doesn't read must not stop the loop; sdnotify swallows what can't be sent
        notifier.socket.setblocking(False)
        return cls(notify=notifier.notify, interval_s=interval_s, close=notifier.socket.close)

    def ready(self) -> None:
        """Say once that the gate serves."""
        self._notify("READY=1")

    def beat(self) -> None:
        """Say that a step was completed; sent only as often as the manager needs it."""
        if self._every_s is None:
            return
        now_s = self._monotonic()
        if self._fed_s is None or now_s - self._fed_s >= self._every_s:
            self._fed_s = now_s
            self._notify("WATCHDOG=1")

    def status(self, line: str) -> None:
        """Show one line in `systemctl status`. It stands in the journal: no personal data."""
        # sdnotify encodes as Latin-1; and a second line would be a second assignment
        text = " ".join(line.split()).encode("ascii", "replace").decode("ascii")
        self._notify(f"STATUS={text}")

    def stopping(self) -> None:
        """Say that the gate is going down on purpose."""
        self._notify("STOPPING=1")

    def close(self) -> None:
        """Let go of the manager's socket; the second call does nothing, later notices go nowhere."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _interval_s(environment: Mapping[str, str]) -> float | None:
    meant_for = environment.get("WATCHDOG_PID")
    asked = environment.get("WATCHDOG_USEC", "")
    if not asked.isdecimal() or int(asked) == 0 or (meant_for is not None and meant_for != str(os.getpid())):
        return None
    return int(asked) / 1_000_000
