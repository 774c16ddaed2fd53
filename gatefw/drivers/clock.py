"""Both clocks of the machine, and whether the kernel vouches for the wall clock.

The kernel knows: an NTP client (systemd-timesyncd, chrony, ntpd) that disciplines the clock clears STA_UNSYNC and
states a largest error, which the kernel lets grow by 500 ppm until the next update. Reading it (adjtimex(2) with
no mode set) needs no privilege, but a service's sandbox may forbid the call (systemd's `ProtectClock=` and the
filter set `@clock` do): then nobody vouches for the time. A machine without NTP is untrusted in the same way.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gatefw.model import Instant

STA_UNSYNC: Final = 0x0040
TIME_ERROR: Final = 5
"""linux/timex.h: the status bit and the returned state of a clock that nobody disciplines."""

ERROR_LIMIT_S: Final = 16.0
"""NTP_PHASE_LIMIT of linux/timex.h: the kernel counts no error beyond it, and calls such a clock unsynchronised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelClock:
    """What the kernel says of its wall clock: the truth lies within ± `max_error_s` if it is synchronised."""

    synchronised: bool
    max_error_s: float


class _Timex(ctypes.Structure):
    """`struct timex` up to the last field that is read (linux/timex.h), then room for the rest."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    ]


_ADJTIMEX: Final[Any] = getattr(ctypes.CDLL(None), "adjtimex", None)


def read_kernel_clock() -> KernelClock | None:
    """Ask the kernel; None when there is no such call or it is forbidden."""
    if _ADJTIMEX is None:
        return None
    timex = _Timex()
    state = _ADJTIMEX(ctypes.byref(timex))
    if state < 0:
        return None
    unsynchronised = state == TIME_ERROR or timex.status & STA_UNSYNC
    return KernelClock(synchronised=not unsynchronised, max_error_s=timex.maxerror / 1_000_000)


class SystemClock:
    """Fits `ports.Clock`."""

    def __init__(self, *, read_kernel: Callable[[], KernelClock | None] = read_kernel_clock) -> None:
        self._read_kernel = read_kernel

    def now(self) -> Instant:
        """Read both clocks; `uncertainty_s` bounds nothing where `trusted` is false."""
        kernel = self._read_kernel()
        trusted = kernel is not None and kernel.synchronised and kernel.max_error_s < ERROR_LIMIT_S
        return Instant(
            mono_s=time.monotonic(),
            wall_utc=time.time(),
            uncertainty_s=kernel.max_error_s if trusted and kernel is not None else ERROR_LIMIT_S,
            trusted=trusted,
        )
