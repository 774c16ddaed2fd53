"""A camera in software, with Picamera2's interface: it stands under the driver's own `Camera`, not in its place.

Like the real one it pads its rows, delivers whole YUV420 buffers, stamps frames in nanoseconds and raises
TimeoutError from a wait that was too short. Its frames come from a source: a function, or the yard.
"""

import functools
import multiprocessing.connection
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gatefw.drivers.reader.camera import Camera
from gatefw.errors import DeviceFault

Source = Callable[[], tuple[bytes, float]]
"""Gives the next frame: its luma, without padding, and the moment of its capture in seconds."""

STRIDE_ALIGNMENT_BYTES: Final = 64
STRIDE_EXTRA_BYTES: Final = 64
"""The Raspberry Pi's processor pads rows to its alignment; here always, so that nobody forgets to crop."""
NEUTRAL_CHROMA: Final = 128
CHANNEL: Final = b"camera"
NEXT_FRAME: Final = b"frame"
FRAME_HEADER: Final = struct.Struct("<IId")
"""Before the luma, from the yard: width, height, moment of capture (seconds)."""
PADDING_LUMA: Final = 0xA5


class SimulatedRequest:
    """One completed frame; holds a buffer until it is released."""

    def __init__(self, luma: bytes, captured_s: float, config: dict[str, Any], release: Callable[[], None]) -> None:
        self._luma = luma
        self._captured_s = captured_s
        self._config = config
        self._release = release
        self._held = True

    def make_buffer(self, name: str) -> NDArray[np.uint8]:
        """Return the YUV420 buffer, flat: padded luma rows, then the two quarter-size chroma planes."""
        if name not in self._config:
            raise RuntimeError(f"Stream {name!r} is not defined")
        (width, height), stride = self._config[name]["size"], self._config[name]["stride"]
        rows = np.full((height, stride), PADDING_LUMA, dtype=np.uint8)
        rows[:, :width] = np.frombuffer(self._luma, dtype=np.uint8).reshape(height, width)
        chroma = np.full(stride * height // 2, NEUTRAL_CHROMA, dtype=np.uint8)
        return np.concatenate((rows.reshape(-1), chroma))

    def get_metadata(self) -> dict[str, Any]:
        """Return the moment of capture, as libcamera gives it: nanoseconds."""
        return {"SensorTimestamp": round(self._captured_s * 1e9)}

    def release(self) -> None:
        """Give the buffer back; a second time is an error, as with the real one."""
        if not self._held:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self._held = False
        self._release()


class SimulatedPicamera2:
    """Picamera2 over a source of frames. Their pace is the source's: a call of it returns when a frame is due."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._config: dict[str, Any] = {}
        self._started = False
        self._free = threading.Semaphore(0)

    def create_video_configuration(
        self,
        main: dict[str, Any] | None = None,
        lores: dict[str, Any] | None = None,
        raw: dict[str, Any] | None = None,
        transform: object = None,
        colour_space: object = None,
        buffer_count: int = 6,
        controls: dict[str, Any] | None = None,
        display: str = "main",
        encode: str = "main",
        queue: bool = True,
        sensor: dict[str, Any] | None = None,
        use_case: str = "video",
    ) -> dict[str, Any]:
        """Make a configuration; like the real one, it moves nothing yet."""
        return {
            "use_case": use_case,
            "transform": transform,
            "colour_space": colour_space,
            "buffer_count": buffer_count,
            "queue": queue,
            "main": {"format": "XBGR8888", "size": (1280, 720)} | (main or {}),
            "lores": lores,
            "raw": raw,
            "controls": {"FrameDurationLimits": (33333, 33333)} | (controls or {}),
            "sensor": sensor,
            "display": display,
            "encode": encode,
        }

    def configure(self, camera_config: dict[str, Any] | None = None) -> None:
        """Apply a configuration and choose the stride. Raises RuntimeError for a format that isn't simulated."""
        config = camera_config or self.create_video_configuration()
        if config["main"]["format"] != "YUV420":
            raise RuntimeError(f"Format {config['main']['format']} is not simulated; use YUV420")
        width = config["main"]["size"][0]
        stride = -(-width // STRIDE_ALIGNMENT_BYTES) * STRIDE_ALIGNMENT_BYTES + STRIDE_EXTRA_BYTES
        self._config = config | {"main": config["main"] | {"stride": stride}}
        self._free = threading.Semaphore(config["buffer_count"])

    def stream_configuration(self, name: str = "main") -> dict[str, Any]:
        """Return what was configured, stride included."""
        config: dict[str, Any] = self._config[name]
        return config

    def start(self, config: dict[str, Any] | None = None, show_preview: bool = False) -> None:
        """Begin to deliver frames."""
        if config is not None:
            self.configure(config)
        if show_preview or not self._config:
            raise RuntimeError("The simulated camera has no preview and must be configured before start()")
        self._started = True

    def capture_request(
        self, wait: bool | float | None = None, signal_function: None = None, flush: None = None
    ) -> Any:
        """Ask for the next frame: with wait=False, a job for `wait`; else the request itself."""
        if not self._started or signal_function is not None or flush is not None:
            raise RuntimeError("The simulated camera is not started, or was asked what it can't do")
        job: Future[SimulatedRequest] = Future()
        if wait is False:
            return job
        return self.wait(job, None if wait is None or wait is True else wait)

    def wait(self, job: Any, timeout: float | None = None) -> Any:
        """Return the job's request. Raises TimeoutError when no frame comes in time."""
        if job.done():
            return job.result()
        if not self._free.acquire(timeout=timeout):
            raise FutureTimeoutError
        luma, captured_s = self._source()
        job.set_result(SimulatedRequest(luma, captured_s, self._config, self._free.release))
        return job.result()


def open_simulated(*, address: str, authkey: bytes, width_px: int, height_px: int, fps: float) -> Camera:
    """Open the yard's camera at a Unix socket. Raises DeviceFault `camera_missing` when nobody is there."""
    try:
        yard = multiprocessing.connection.Client(address, family="AF_UNIX", authkey=authkey)
        yard.send_bytes(CHANNEL)
    except (OSError, EOFError, multiprocessing.AuthenticationError) as error:
        raise DeviceFault("camera_missing", f"No simulated camera answers at {address} ({error}).") from error
    device = SimulatedPicamera2(functools.partial(_from_yard, yard, width_px, height_px))
    return Camera(device, width_px=width_px, height_px=height_px, fps=fps)


def _from_yard(yard: Any, width_px: int, height_px: int) -> tuple[bytes, float]:
    yard.send_bytes(NEXT_FRAME)
    answer = yard.recv_bytes(FRAME_HEADER.size + width_px * height_px)
    width, height, captured_s = FRAME_HEADER.unpack_from(answer)
    luma = answer[FRAME_HEADER.size :]
    if (width, height) != (width_px, height_px) or len(luma) != width_px * height_px:
        raise RuntimeError(f"the yard gave {width} x {height} pixels instead of {width_px} x {height_px}")
    return luma, captured_s
