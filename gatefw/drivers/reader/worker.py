"""The worker process: it asks the camera for one frame when it is asked for one, and answers with its scans.

Decoders have memory bugs and cameras hang, so all of this may crash, stall or be killed at any moment; nothing
here needs tidying up. The parent's end of the wire closing, or the parent's death, ends it.
"""

import ctypes
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from gatefw.drivers.reader import wire
from gatefw.drivers.reader.symbols import Symbols
from gatefw.errors import DeviceFault
from gatefw.model import Frame, FrameRead

MEMORY_LIMIT_BYTES: Final = 2 << 30
"""Address space, libcamera's mapped buffers and the libraries included: a runaway decoder dies, not the board."""
FILES_LIMIT: Final = 256
CAPTURE_WAIT_S: Final = 0.5
"""How long one question waits for a frame before the worker says that it is alive."""
_PR_SET_PDEATHSIG: Final = 1


class FrameSource(Protocol):
    """An opened camera."""

    def capture(self, wait_s: float) -> Frame | None:
        """Return the next frame, or None if none came in time. Raises DeviceFault."""
        ...


OpenCamera = Callable[[], FrameSource]
"""Opens the camera inside the worker. Must be picklable; raises DeviceFault."""


def serve(end: socket.socket, parent_pid: int, open_camera: OpenCamera, *, zxing: bool, zbar: bool) -> None:
    """Answer questions on `end` until it closes: the process's whole life."""
    confine(parent_pid)
    try:
        source = open_camera()
        symbols = Symbols(zxing=zxing, zbar=zbar)
        wire.send(end, wire.Opened())
        while end.recv(len(wire.ASK)) == wire.ASK:
            answer(end, source, symbols)
    except DeviceFault as fault:
        _tell_and_end(end, fault)
    except ConnectionError:
        return


def answer(end: socket.socket, source: FrameSource, symbols: Symbols) -> None:
    """Capture and read one frame."""
    frame = source.capture(CAPTURE_WAIT_S)
    if frame is None:
        wire.send(end, wire.Waiting())
        return
    wire.send(end, wire.Decoding())
    wire.send(end, wire.Done(frame=read_frame(frame, symbols)))


def read_frame(frame: Frame, symbols: Symbols) -> FrameRead:
    """Decode one frame, with both ends of the decoding on the real clock."""
    luma = np.frombuffer(frame.luma, dtype=np.uint8).reshape(frame.height_px, frame.width_px)
    handed_s = time.monotonic()
    scans, glimpsed = symbols.read(luma)
    return FrameRead(
        number=frame.number,
        captured_s=frame.captured_s,
        handed_s=handed_s,
        scans=scans,
        glimpsed=glimpsed,
        decode_s=time.monotonic() - handed_s,
    )


def confine(parent_pid: int) -> None:
    """Bound what the process may use, and bind its life to the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_LIMIT, FILES_LIMIT))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise SystemExit("The parent died before its worker had begun.")


def _tell_and_end(end: socket.socket, fault: DeviceFault) -> None:
    try:
        wire.send(end, wire.Failed(code=fault.code, sentence=str(fault)))
    except ConnectionError:
        return
