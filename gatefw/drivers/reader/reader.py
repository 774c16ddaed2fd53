"""The reader: keeps a worker alive, asks it for frame after frame, and enqueues what it saw.

A worker that is silent too long is killed, one that died is replaced; the gate is told once that the reader has
failed and once, by the first good frame, that it works. Between attempts there is a pause that grows, so that a
missing camera costs nothing.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from gatefw.drivers.reader.process import WorkerProcess
from gatefw.drivers.reader.worker import OpenCamera
from gatefw.errors import DeviceFault
from gatefw.model import Device, DeviceFailed, DeviceReady
from gatefw.ports import Put

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 5.0
"""FAULTS 4: a camera that comes back is in use again within 10 s, the worker's start included."""
CRASHES_MANY: Final = 5
CRASHES_WITHIN_S: Final = 60.0
CRASHES_PAUSE_S: Final = 10.0
"""Something before the camera kills each new worker: wait for it to go away."""
IDLE_S: Final = 0.05

_log = logging.getLogger(__name__)


class Reader:
    """Puts one FrameRead a frame, and DeviceFailed / DeviceReady of `Device.READER` as they change.

    `open_camera` is picklable and runs in the worker. `poll` does one round in the caller's thread (lockstep);
    `start` lets a thread of its own loop over it. `monotonic` is the clock of the pauses, real or virtual; the
    time limits `stall_s` (a frame) and `start_s` (process and camera) are always real.
    """

    def __init__(
        self,
        *,
        open_camera: OpenCamera,
        put: Put,
        monotonic: Callable[[], float],
        zxing: bool = True,
        zbar: bool = True,
        stall_s: float = 3.0,
        start_s: float = 10.0,
    ) -> None:
        self._open_camera = open_camera
        self._put = put
        self._monotonic = monotonic
        self._zxing = zxing
        self._zbar = zbar
        self._stall_s = stall_s
        self._start_s = start_s
        self._worker: WorkerProcess | None = None
        self._worker_lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._ready = False
        self._fault: str | None = None
        self._failures = 0
        self._crashes_s: deque[float] = deque(maxlen=CRASHES_MANY)
        self._next_try_s = float("-inf")
        self._frame_s: float | None = None

    def poll(self) -> None:
        """Do one round: start a worker if there is none and it is time, else read one frame.

        Blocks until the answer, at most `start_s` or `stall_s` seconds; returns at once during a pause.
        Call it from one thread only: the worker lives no longer than the thread that began it.
        """
        if self._closed.is_set() or (self._worker is None and self._monotonic() < self._next_try_s):
            return
        try:
            self._round(self._worker or self._begin())
        except DeviceFault as fault:
            self._fail(fault)
        except Exception as error:  # noqa: BLE001 - a reader whose thread died would look like an empty lane
            self._fail(DeviceFault("reader_error", f"The reader failed unexpectedly ({error!r})."))

    def start(self) -> None:
        """Loop over `poll` in a thread until `close`."""
        self._thread = threading.Thread(target=self._loop, name="reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, kill the worker; safe to call twice."""
        self._closed.set()
        with self._worker_lock:
            if self._worker is not None:
                self._worker.kill()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._drop_worker()

    @property
    def worker_pid(self) -> int | None:
        """The process id of the present worker, if there is one."""
        with self._worker_lock:
            return None if self._worker is None else self._worker.pid

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _loop(self) -> None:
        while not self._closed.is_set():
            self.poll()
            if self._worker is None:
                self._closed.wait(IDLE_S)

    def _begin(self) -> WorkerProcess:
        with self._worker_lock:
            if self._closed.is_set():
                raise DeviceFault("camera_stall", "The reader is closed.")
            worker = self._worker = WorkerProcess(self._open_camera, zxing=self._zxing, zbar=self._zbar)
        worker.await_opened(self._start_s)
        self._frame_s = None
        return worker

    def _round(self, worker: WorkerProcess) -> None:
        frame = worker.read(self._stall_s)
        if frame is None:
            self._no_frame()
            return
        self._frame_s = self._monotonic()
        self._failures = 0
        if not self._ready:
            self._ready, self._fault = True, None
            self._put(DeviceReady(device=Device.READER))
        self._put(frame)

    def _no_frame(self) -> None:
        """The worker lives but its camera gives nothing."""
        now_s = self._monotonic()
        if self._frame_s is None:
            self._frame_s = now_s
        if now_s - self._frame_s >= self._stall_s:
            raise DeviceFault("camera_stall", f"The camera gave no frame for {self._stall_s:g} s.")

    def _fail(self, fault: DeviceFault) -> None:
        if self._closed.is_set():
            return
        # told first: burying a worker may take its time
        if fault.code != self._fault:
            self._ready, self._fault = False, fault.code
            self._put(DeviceFailed(device=Device.READER, fault=fault.code))
            _log.warning("reader: %s: %s", fault.code, fault)
        self._drop_worker()
        now_s = self._monotonic()
        self._next_try_s = now_s + self._pause_s(fault, now_s)

    def _pause_s(self, fault: DeviceFault, now_s: float) -> float:
        self._failures += 1
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE_S)
        if fault.code != "decoder_crash":
            return pause_s
        self._crashes_s.append(now_s)
        many = len(self._crashes_s) == CRASHES_MANY and now_s - self._crashes_s[0] <= CRASHES_WITHIN_S
        return CRASHES_PAUSE_S if many else pause_s

    def _drop_worker(self) -> None:
        with self._worker_lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
