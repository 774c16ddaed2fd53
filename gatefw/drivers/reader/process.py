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


REAP_S: Final = 2.0
"""How long a killed worker is waited for: one that hangs in the kernel is left to it, and its pipe is closed."""


class WorkerProcess:
    """One worker and the wire to it. A context manager; closing twice is safe."""

    def __init__(self, open_camera: OpenCamera, *, zxing: bool, zbar: bool) -> None:
        # one datagram a message: a worker stopped in the middle of one can't make the parent wait for the rest
        try:
            self._wire, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise _not_started(error) from error
        with theirs:
            self._process = _spawning.Process(
                target=serve,
                args=(theirs, os.getpid(), open_camera),
                kwargs={"zxing": zxing, "zbar": zbar},
                name="gatefw-reader",
                daemon=True,
            )
            try:
                self._process.start()
            except BaseException as error:
                self._wire.close()
                if isinstance(error, OSError):
                    raise _not_started(error) from error
                raise

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
        """Kill and reap the worker, close the wire; waits at most `REAP_S`."""
        if self._wire.fileno() == -1:
            return
        self._wire.close()
        self._process.kill()
        self._process.join(REAP_S)
        if self._process.exitcode is not None:
            self._process.close()

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _not_started(error: OSError) -> DeviceFault:
    why = f"The reader's worker can't be started ({error.strerror}): free memory or files."
    return DeviceFault("decoder_start", why)


def _fault_of(message: wire.Message) -> DeviceFault:
    if isinstance(message, wire.Failed):
        return DeviceFault(message.code, message.sentence)
    return DeviceFault("decoder_crash", f"The reader's worker said {type(message).__name__} out of turn.")
