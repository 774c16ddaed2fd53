"""The yard's door: clients are let in by one thread, and each camera's frames leave by one of its own.

Both could block for as long as a client likes; the loop that owns the world never does.
"""

import contextlib
import math
import os
import queue
import threading
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener


@dataclass(kw_only=True, slots=True)
class CameraClient:
    """One camera: when it was last given a frame, when the next one is due (seconds), and what waits to be sent."""

    frames: "queue.SimpleQueue[bytes | None]" = field(default_factory=queue.SimpleQueue)
    last_s: float = -math.inf
    due_s: float = math.inf

    def serve(self, channel: Connection) -> None:
        """Start sending frames, until None comes."""
        threading.Thread(target=_send_frames, args=(channel, self.frames), daemon=True).start()


class Arrivals:
    """Accepts and authenticates clients; `bell` is a file descriptor that is readable when some have come."""

    def __init__(self, listener: Listener) -> None:
        self.bell, self._rope = os.pipe()
        self._listener = listener
        self._channels: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> list[Connection]:
        """Return who has come since the bell rang."""
        os.read(self.bell, 64)
        return [self._channels.get() for _ in range(self._channels.qsize())]

    def _accept(self) -> None:
        while True:
            try:
                self._channels.put(self._listener.accept())
                os.write(self._rope, b"!")
            except (AuthenticationError, EOFError, ConnectionError):
                continue
            except OSError:
                return


def _send_frames(channel: Connection, frames: "queue.SimpleQueue[bytes | None]") -> None:
    """Send frames until None comes; a client that is stopped or dead holds up nobody but itself."""
    while (frame := frames.get()) is not None:
        # a broken channel is dropped by the loop, which reads its end of file
        with contextlib.suppress(OSError):
            channel.send_bytes(frame)
    channel.close()
