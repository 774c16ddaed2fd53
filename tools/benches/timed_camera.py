"""A camera for the latency bench: before each frame is handed over, the bare decoder's call on it is timed.

A file of its own, so that the reader's worker process can import it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import zxingcpp

from gatefw.drivers.reader.camera import Camera
from gatefw.model import Frame


class TimedCamera:
    """Gives another camera's frames; writes a line of `bare_s` for each into `log`."""

    def __init__(self, camera: Camera, log: Path) -> None:
        self._camera = camera
        self._log = log.open("a")

    def capture(self, wait_s: float) -> Frame | None:
        """Capture, time the bare call, and hand the frame over as of now."""
        frame = self._camera.capture(wait_s)
        if frame is None:
            return None
        luma = np.frombuffer(frame.luma, np.uint8).reshape(frame.height_px, frame.width_px)
        _bare_s(luma)  # both timed calls find the frame in the processor's cache
        self._log.write(f"{_bare_s(luma)}\n")
        self._log.flush()
        return replace(frame, handed_s=time.monotonic())


def open_timed(open_camera: Callable[[], Camera], log: Path) -> TimedCamera:
    return TimedCamera(open_camera(), log)


def _bare_s(luma: np.ndarray) -> float:
    begun_s = time.perf_counter()
    zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode)
    return time.perf_counter() - begun_s
