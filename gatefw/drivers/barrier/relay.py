"""Relay, Stop and heartbeat: what the loop orders, and the timers that end it without the loop."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Literal, Self

from gpiozero import OutputDevice

from gatefw.drivers.barrier.contacts import Contacts
from gatefw.errors import DeviceFault
from gatefw.model import Device, DeviceFailed
from gatefw.ports import Put

Controller = Literal["level", "pulse"]
Cancel = Callable[[], None]
CallLater = Callable[[float, Callable[[], None]], Cancel]
"""Run a function after so many seconds, on any thread; the answer takes the order back."""

HOLD_LIMIT_S: Final = 60.0
"""No release lasts longer, whatever it was asked: twice the widest lane's window of 30 s."""

PULSE_MIN_S: Final = 0.1
PULSE_MAX_S: Final = 0.5
"""A controller takes a pulse of 100 ms or more (PERCo, Unlock and Stop); a longer one delays the Stop."""

EGRESS_REPEAT_S: Final = 1.0
"""How often a pulse controller is told again in free egress: a small part of its 5 s window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BarrierLines:
    """BCM numbers of the lines; None = not fitted."""

    relay: int
    heartbeat: int
    passage: int
    stop: int | None = None
    fire: int | None = None
    tamper: int | None = None
    feedback: int | None = None
    acknowledge: int | None = None


def start_timer(delay_s: float, due: Callable[[], None]) -> Cancel:
    """Run `due` after `delay_s` seconds on a thread of its own, which a hanging loop doesn't stop."""
    timer = threading.Timer(delay_s, due)
    timer.daemon = True
    timer.start()
    return timer.cancel


_LINES_REMEDY: Final = (
    "compare the line numbers in gate.toml with the wiring, and see with gpioinfo that no other program holds them"
)


class Barrier:
    """Fits `ports.Barrier`. Claims every line at once or none; may be closed twice; knows no rule."""

    def __init__(
        self,
        *,
        pin_factory: Any,
        lines: BarrierLines,
        controller: Controller,
        put: Put,
        pulse_s: float = 0.2,
        call_later: CallLater = start_timer,
    ) -> None:
        """Claim the lines, outputs low first; DeviceFault `gpio` when one is taken or not there."""
        if not PULSE_MIN_S <= pulse_s <= PULSE_MAX_S:
            raise ValueError(f"pulse_s is {pulse_s}: it must lie within {PULSE_MIN_S} and {PULSE_MAX_S} s")
        self._factory = pin_factory
        self._controller = controller
        self._put = put
        self._pulse_s = pulse_s
        self._call_later = call_later
        self._lock = threading.RLock()
        self._cancels: list[Cancel] = []
        self._order = 0
        self._free = False
        self._failed = False
        self._high: set[Any] = set()
        try:
            with ExitStack() as claimed:
                self._claim(lines, claimed)
                self._claimed = claimed.pop_all()
        except Exception as error:  # lgpio.error derives from Exception alone
            raise DeviceFault("gpio", f"the barrier's lines can't be claimed ({error}): {_LINES_REMEDY}") from error

    def _claim(self, lines: BarrierLines, claimed: ExitStack) -> None:
        output = partial(self._output, claimed)
        self._relay = output(lines.relay)
        self._heartbeat = output(lines.heartbeat)
        self._stop = output(lines.stop) if lines.stop is not None and self._controller == "pulse" else None
        self._contacts = Contacts(
            pin_factory=self._factory,
            claimed=claimed,
            put=self._put,
            passage=lines.passage,
            fire=lines.fire,
            tamper=lines.tamper,
            feedback=lines.feedback,
            acknowledge=lines.acknowledge,
        )

    def _output(self, claimed: ExitStack, line: int) -> Any:
        device = OutputDevice(line, active_high=True, initial_value=False, pin_factory=self._factory)
        return claimed.enter_context(device)

    def initial(self) -> None:
        """Enqueue the state of each contact as it is now, so that a fire older than the start is seen."""
        self._contacts.report()

    # ------------------------------------------------------------ what the loop orders

    def release(self, hold_s: float) -> None:
        """Let one passage begin within `hold_s` seconds (0 < hold_s <= 60); a timer here ends it.

        In free egress nothing changes: a grant never shortens a fire.
        """
        if not 0 < hold_s <= HOLD_LIMIT_S:
            raise ValueError(f"hold_s is {hold_s}: it must lie within 0 and {HOLD_LIMIT_S} s")
        with self._lock:
            if self._free:
                return
            self._forget_timers()
            self._drive(self._stop, high=False)
            self._later(hold_s, self._lock_again)  # first: a relay without its end must never be on
            self._open()

    def withdraw(self) -> None:
        """Take the permission back, free egress too. Moves nothing against a body in the passage."""
        with self._lock:
            self._lock_again()

    def free_egress(self) -> None:
        """Stay open until `withdraw`."""
        with self._lock:
            if self._free:
                return
            self._free = True
            self._forget_timers()
            self._drive(self._stop, high=False)
            self._keep_open()

    def beat(self) -> None:
        """Give the charge pump one edge; end a Stop that would act on somebody who has just stepped in."""
        with self._lock:
            if self._stop in self._high and self._occupied():
                self._drive(self._stop, high=False)
            if not self._failed:
                self._drive(self._heartbeat, high=self._heartbeat not in self._high)

    # ------------------------------------------------------------ with the lock held

    def _open(self) -> None:
        if self._controller == "pulse":
            self._later(self._pulse_s, partial(self._drive, self._relay, high=False))
        self._drive(self._relay, high=True)

    def _keep_open(self) -> None:
        self._cancels.clear()  # both timers of the round before are done
        self._open()
        if self._controller == "pulse":
            self._later(EGRESS_REPEAT_S, self._keep_open)

    def _lock_again(self) -> None:
        self._free = False
        self._forget_timers()
        self._drive(self._relay, high=False)
        if self._stop is not None and not self._occupied():
            self._later(self._pulse_s, partial(self._drive, self._stop, high=False))
            self._drive(self._stop, high=True)

    def _occupied(self) -> bool:
        try:
            return self._contacts.occupied()
        except Exception:  # noqa: BLE001 - as in `_drive`; where nobody can look, somebody may stand
            self._fail()
            return True

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        order = self._order

        def due() -> None:
            with self._lock:
                # a timer that fired while the lock was held belongs to an order that stands no more
                if order == self._order:
                    act()

        self._cancels.append(self._call_later(delay_s, due))

    def _forget_timers(self) -> None:
        self._order += 1
        for cancel in self._cancels:
            cancel()
        self._cancels.clear()

    def _drive(self, line: Any, *, high: bool) -> None:
        if line is None:
            return
        try:
            line.value = high
        except Exception:  # noqa: BLE001 - lgpio.error derives from Exception alone; the pump lets go, the gate is told
            self._fail()
        else:
            (self._high.add if high else self._high.discard)(line)

    def _fail(self) -> None:
        self._failed = True
        self._put(DeviceFailed(device=Device.BARRIER, fault="gpio"))

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Lock, then give the lines back; the second call does nothing."""
        with self._lock:
            self._forget_timers()
            for line in (self._relay, self._stop, self._heartbeat):
                if line is not None and not line.closed:
                    self._drive(line, high=False)
            self._claimed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
