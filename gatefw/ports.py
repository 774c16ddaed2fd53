"""What the daemon needs of a device. Drivers and simulated devices both fit these; neither knows a rule."""

from collections.abc import Callable
from typing import Protocol

from gatefw.model import FrameRead, Input, Instant, Record, Report, Signal

Observation = FrameRead | Input
"""What devices enqueue: an input, or a frame's scans, which the daemon verifies to make the input."""

Put = Callable[[Observation], None]
"""The only thing another thread may call: it enqueues and returns at once."""


class Clock(Protocol):
    """Both clocks at once."""

    def now(self) -> Instant:
        """Read the monotonic and the wall clock together."""
        ...


class Inbox(Protocol):
    """The one queue of the loop."""

    def put(self, observation: Observation) -> None:
        """Enqueue from any thread; never blocks."""
        ...

    def get(self, until_s: float) -> Observation | None:
        """Next observation, or None once the monotonic clock has reached `until_s`."""
        ...


class Barrier(Protocol):
    """The turnstile's relay, its heartbeat and its contacts. Contacts are enqueued as inputs."""

    def release(self, hold_s: float) -> None:
        """Let one passage begin within `hold_s` seconds; ends by itself even if the loop hangs."""
        ...

    def withdraw(self) -> None:
        """Take the permission back; safe to call twice, and never moves anything against a body."""
        ...

    def free_egress(self) -> None:
        """Stay open until `withdraw` (fire)."""
        ...

    def beat(self) -> None:
        """Toggle the heartbeat line: called once for each completed step, by nobody else."""
        ...


class Indicator(Protocol):
    """Lamps and sound."""

    def show(self, signal: Signal, at_s: float) -> None:
        """Begin this signal's pattern at monotonic `at_s`."""
        ...

    def refresh(self, at_s: float) -> None:
        """Set the lamps to what the pattern wants at monotonic `at_s`."""
        ...


class Recorder(Protocol):
    """The store's front: takes jobs in order, answers `Recorded` or `DeviceFailed(STORE)` by the inbox."""

    def submit(self, job: Record | Report) -> None:
        """Queue a job; returns at once."""
        ...


class Watchdog(Protocol):
    """The service manager that restarts us when steps stop."""

    def ready(self) -> None:
        """Say once that the gate serves."""
        ...

    def beat(self) -> None:
        """Say that a step was completed."""
        ...
