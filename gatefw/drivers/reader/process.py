"""The parent's end of one worker: start it, ask it, kill it."""

import contextlib
import multiprocessing
import os
import socket
from typing import Final

from gatefw.drivers.reader import wire
from gatefw.drivers.reader.worker import OpenCamera, serve
from gatefw.errors import DeviceFault
from gatefw.model import FrameRead

_spawning: Final = multiprocessing.get_context("spawn")


class WorkerProcess:
    """One worker and the wire to it. A context manager; closing twice is safe."""

    def __init__(self, open_camera: OpenCamera, *, zxing: bool, zbar: bool) -> None:
        # one datagram a message: a worker stopped in the middle of one can't make the parent wait for the rest
        self._wire, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _spawning.Process(
                target=serve,
                args=(theirs, os.getpid(), open_camera),
                kwargs={"zxing": zxing, "zbar": zbar},
                name="gatefw-reader",
                daemon=True,
            )
            self._process.start()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        pid = self._process.pid
        if pid is None:
            raise DeviceFault("decoder_crash", "The reader's worker never started.")
        return pid

    def await_opened(self, within_s: float) -> None:
        """Return when the camera runs. Raises DeviceFault with the reason when it does not."""
        message = self._receive(within_s, "camera_stall")
        if not isinstance(message, wire.Opened):
            raise _fault_of(message)

    def read(self, within_s: float) -> FrameRead | None:
        """Read one frame; None when the camera had none yet. Raises DeviceFault."""
        with contextlib.suppress(ConnectionError):
            self._wire.sendall(wire.ASK)
        message = self._receive(within_s, "camera_stall")
        if isinstance(message, wire.Decoding):
            message = self._receive(within_s, "decoder_timeout")
        if isinstance(message, wire.Done):
            return message.frame
        if isinstance(message, wire.Waiting):
            return None
        raise _fault_of(message)

    def _receive(self, within_s: float, late: str) -> wire.Message:
        self._wire.settimeout(within_s)
        try:
            message = wire.receive(self._wire)
        except TimeoutError as error:
            raise DeviceFault(late, f"The reader's worker was silent for {within_s:g} s.") from error
        if message is None:
            raise DeviceFault("decoder_crash", "The reader's worker died.")
        return message

    def kill(self) -> None:
        """End the worker at once, whatever it does; `close` must follow. Safe from another thread."""
        self._process.kill()

    def close(self) -> None:
        """Kill and reap the worker, close the wire."""
        if self._wire.fileno() == -1:
            return
        self._process.kill()
        self._process.join()
        self._process.close()
        self._wire.close()

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _fault_of(message: wire.Message) -> DeviceFault:
    if isinstance(message, wire.Failed):
        return DeviceFault(message.code, message.sentence)
    return DeviceFault("decoder_crash", f"The reader's worker said {type(message).__name__} out of turn.")
