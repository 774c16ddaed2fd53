"""Keeps reading the thermometer, one sample at a time, no faster than it settles (data sheet rev 13, 8.4.9)."""

from collections import Counter, deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Final

from gatefw.drivers.thermometer.part import Thermometer
from gatefw.errors import DeviceFault
from gatefw.model import Device, DeviceFailed, DeviceReady, Reading, TemperatureRead
from gatefw.ports import Put

BAD_RUN: Final = 3
"""So many bad samples in a row are a fault of the device."""

NAK_COUNTS: Final = 2
"""A sample that got no acknowledge was tried four times over 0.26 s: two of them are a run, told before the silence
looks like a person who left (1 s)."""

BAD_FRACTION: Final = 0.2
SPAN_S: Final = 60.0
TRIAL_S: Final = 7.0
"""A larger fraction of bad samples in a minute is a fault; from `TRIAL_S` of samples on it can be told."""

RECHECK_S: Final = 3600.0
"""How often the part's identity is read again."""


class Quality:
    """Whether the device works: `works` is None until its first sample tells.

    It fails with three bad samples in a row, or when over a fifth of the last minute's were bad. It works
    (again) with the next good one; after a failure by the fifth, once a trial holds a fifth or fewer.
    """

    def __init__(self, *, period_s: float) -> None:
        self.works: bool | None = None
        self._recent: deque[bool] = deque(maxlen=max(BAD_RUN, round(SPAN_S / period_s)))
        self._enough = max(BAD_RUN, round(TRIAL_S / period_s))
        self._trial = 1

    def take(self, *, good: bool) -> bool:
        """Take one sample; true when with it the device begins to work or to fail."""
        self._recent.append(good)
        if good:
            return self.works is not True and self._passes_trial() and self._recover()
        if self.works is False:
            return False
        in_a_row = len(self._recent) >= BAD_RUN and not any(list(self._recent)[-BAD_RUN:])
        too_often = len(self._recent) >= self._enough and self._bad_fraction() > BAD_FRACTION
        if in_a_row or too_often:
            self.fail(trial=1 if in_a_row else self._enough)
        return in_a_row or too_often

    def fail(self, *, trial: int) -> None:
        """Count the device as failed until `trial` samples have proven it; 1 means the next good one does."""
        self.works, self._trial = False, trial
        self._recent.clear()

    def _passes_trial(self) -> bool:
        if self._trial == 1:
            return True
        return len(self._recent) >= self._trial and self._bad_fraction() <= BAD_FRACTION

    def _recover(self) -> bool:
        self.works = True
        self._recent.clear()
        return True

    def _bad_fraction(self) -> float:
        return self._recent.count(False) / len(self._recent)


class Sampler:
    """Reads the thermometer one sample at a time and says what it saw: in a thread, or when polled.

    Bad samples are dropped and counted in `dropped` (by fault). A device that failed is opened anew.
    """

    def __init__(
        self,
        *,
        open_thermometer: Callable[[], Thermometer],
        put: Put,
        period_s: float,
        monotonic: Callable[[], float],
        stall_s: float = 2.0,
    ) -> None:
        """`period_s` is the part's settling time or more; `stall_s` is when a read counts as hanging."""
        self.dropped: Counter[str] = Counter()
        self._open = open_thermometer
        self._put = put
        self._period_s = period_s
        self._monotonic = monotonic
        self._stall_s = stall_s
        self._thermometer: Thermometer | None = None
        self._checked_s = 0.0
        self._quality = Quality(period_s=period_s)
        self._changing = Lock()
        self._closing = Event()
        self._thread: Thread | None = None
        self._alive_s = 0.0

    def poll(self) -> None:
        """Take one sample: enqueue a TemperatureRead, and DeviceFailed or DeviceReady when that changed."""
        try:
            reading = self._sample()
        except DeviceFault as fault:
            self._take_bad(fault)
        except Exception as error:  # noqa: BLE001 - the libraries raise what they like; a dead thread would never recover
            self._take_bad(DeviceFault("sensor_error", f"the thermometer failed unexpectedly ({error!r})"))
        else:
            self._take_good(reading)
        self._alive_s = self._monotonic()

    def start(self) -> None:
        """Sample in a thread of its own until `close`."""
        self._alive_s = self._monotonic()
        self._thread = Thread(target=self._run, name="thermometer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and give the bus back; safe to call twice. A hanging read is left to the kernel."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=self._stall_s)
            if thread.is_alive():
                return
        self._drop_thermometer()

    def stalled(self, now_s: float) -> bool:
        """Whether the thread has brought no sample, good or bad, for longer than `stall_s`."""
        return self._thread is not None and now_s - self._alive_s > self._stall_s + self._period_s

    def check(self, now_s: float) -> None:
        """Report a stalled sensor once; the loop asks this, because a hanging thread can't."""
        with self._changing:
            if self.stalled(now_s) and self._quality.works is not False:
                self._quality.fail(trial=1)
                self._put(DeviceFailed(device=Device.THERMOMETER, fault="sensor_stalled"))

    def _run(self) -> None:
        while not self._closing.is_set():
            self.poll()
            self._closing.wait(self._period_s)

    def _sample(self) -> Reading:
        now_s = self._monotonic()
        if self._thermometer is None:
            self._thermometer = self._open()
            self._checked_s = now_s
        elif now_s - self._checked_s >= RECHECK_S:
            self._thermometer.check()
            self._checked_s = now_s
        return self._thermometer.read(self._monotonic())

    def _take_good(self, reading: Reading) -> None:
        with self._changing:
            if self._quality.take(good=True):
                self._put(DeviceReady(device=Device.THERMOMETER))
            if self._quality.works:
                self._put(TemperatureRead(reading=reading))

    def _take_bad(self, fault: DeviceFault) -> None:
        self.dropped[fault.code] += 1
        with self._changing:
            if self._counts_as_failure(fault):
                self._put(DeviceFailed(device=Device.THERMOMETER, fault=fault.code))
        if self._quality.works is False:
            self._drop_thermometer()

    def _counts_as_failure(self, fault: DeviceFault) -> bool:
        times = NAK_COUNTS if fault.code == "i2c_nak" else 1
        return any(self._quality.take(good=False) for _ in range(times))

    def _drop_thermometer(self) -> None:
        thermometer, self._thermometer = self._thermometer, None
        if thermometer is not None:
            thermometer.close()
