"""A camera with Picamera2's interface, as a source of luma planes. The only place that knows picamera2.

Signatures are those of picamera2 0.3.38; the same calls exist since 0.3.12. Nothing here ever calls `stop()` or
`close()`: they can block for ever (picamera2 #1264), and the process that holds the camera is killed instead.
"""

import time
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gatefw.errors import DeviceFault
from gatefw.model import Frame

STREAM: Final = "main"
BUFFERS: Final = 4
APT_LINE: Final = "sudo apt install python3-picamera2"


class Request(Protocol):
    """What is used of picamera2's CompletedRequest."""

    def make_buffer(self, name: str) -> NDArray[np.uint8]:
        """Copy the stream's bytes, padding included, into a flat array."""
        ...

    def get_metadata(self) -> dict[str, Any]:
        """Return what the camera says of this frame."""
        ...

    def release(self) -> None:
        """Give the buffers back."""
        ...


class Picamera2Like(Protocol):
    """What is used of picamera2's Picamera2; the simulated one fits it too."""

    def create_video_configuration(
        self, main: dict[str, Any] = ..., *, buffer_count: int = ..., controls: dict[str, Any] = ..., queue: bool = ...
    ) -> dict[str, Any]:
        """Make a configuration for a stream of frames."""
        ...

    def configure(self, camera_config: dict[str, Any] | None = None) -> None:
        """Apply a configuration."""
        ...

    def stream_configuration(self, name: str = "main") -> dict[str, Any]:
        """Return what was really configured: size, format, stride."""
        ...

    def start(self) -> None:
        """Begin to deliver frames."""
        ...

    def capture_request(self, wait: bool | float | None = None) -> Any:
        """Ask for the next frame; with wait=False, return a job at once."""
        ...

    def wait(self, job: Any, timeout: float | None = None) -> Any:
        """Return the job's request, or raise TimeoutError."""
        ...


class Camera:
    """Configures and starts the camera, then gives one frame a call."""

    def __init__(self, device: Picamera2Like, *, width_px: int, height_px: int, fps: float) -> None:
        self._device = device
        self._job: Any = None
        self._number = 0
        frame_us = round(1_000_000 / fps)
        device.configure(
            device.create_video_configuration(
                main={"size": (width_px, height_px), "format": "YUV420"},
                buffer_count=BUFFERS,
                # picamera2's own default is 30 frames a second; this key overrides it
                controls={"FrameDurationLimits": (frame_us, frame_us)},
                # a frame begun after the question, never one that lay waiting
                queue=False,
            )
        )
        stream = device.stream_configuration(STREAM)
        self._width_px, self._height_px = stream["size"]
        self._stride_px: int = stream["stride"]
        device.start()

    def capture(self, wait_s: float) -> Frame | None:
        """Return the next frame, or None if none came within `wait_s` seconds: then simply ask again.

        Raises DeviceFault when the camera itself fails.
        """
        if self._job is None:
            self._job = self._device.capture_request(wait=False)
        try:
            request = self._device.wait(self._job, timeout=wait_s)
        except TimeoutError:
            # the job stays queued: dropping it would lose the buffer that it will hold
            return None
        except (RuntimeError, OSError, EOFError) as error:
            raise DeviceFault("camera_missing", f"The camera stopped answering: {error}.") from error
        self._job = None
        try:
            return self._frame(request)
        finally:
            request.release()

    def _frame(self, request: Request) -> Frame:
        rows = request.make_buffer(STREAM)[: self._stride_px * self._height_px]
        plane = rows.reshape(self._height_px, self._stride_px)[:, : self._width_px]
        # libcamera stamps with CLOCK_BOOTTIME, which is CLOCK_MONOTONIC on a board that never sleeps
        captured_s = request.get_metadata()["SensorTimestamp"] / 1e9
        self._number += 1
        return Frame(
            number=self._number,
            width_px=self._width_px,
            height_px=self._height_px,
            luma=plane.tobytes(),
            captured_s=captured_s,
            handed_s=time.monotonic(),
        )


def open_picamera2(*, camera: int, width_px: int, height_px: int, fps: float) -> Camera:
    """Open the Raspberry Pi's camera number `camera`. Raises DeviceFault `camera_missing`."""
    try:
        from picamera2 import Picamera2  # noqa: PLC0415 - only on a Pi, and slow to import
    except ImportError as error:
        raise DeviceFault("camera_missing", f"picamera2 is not installed; run: {APT_LINE} ({error}).") from error
    try:
        return Camera(Picamera2(camera), width_px=width_px, height_px=height_px, fps=fps)
    except (RuntimeError, IndexError, OSError) as error:
        raise DeviceFault(
            "camera_missing", f"Camera {camera} can't be opened ({error}); check its ribbon cable and `rpicam-hello`."
        ) from error
