"""The log of a running gate: whoever logs goes on at once, even if nobody takes what is written.

A journal that hangs, or a full pipe, would otherwise stop the loop in the middle of a step, and with it the gate.
"""

import contextlib
import logging
import logging.handlers
import os
import queue
import threading
from collections.abc import Iterator
from typing import Final

LINES_LIMIT: Final = 1000
"""So many lines wait at most; what comes then is counted and lost."""

GOODBYE_S: Final = 1.0
"""How long the end waits for the last lines to be taken."""


class Journal(logging.handlers.QueueHandler):
    """Writes each record as a line to a file descriptor, from a thread of its own. `close` ends it."""

    queue: "queue.Queue[logging.LogRecord | None]"

    def __init__(self, descriptor: int) -> None:
        super().__init__(queue.Queue(LINES_LIMIT))
        self._descriptor = descriptor
        self._lost = 0
        self._thread: threading.Thread | None = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def enqueue(self, record: logging.LogRecord) -> None:
        """Leave the record to the thread, or lose it when too many wait. Never blocks."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Write what waits, for at most `GOODBYE_S`; the second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self.queue.put_nowait(None)
            thread.join(GOODBYE_S)
        super().close()

    def _write(self) -> None:
        while (record := self.queue.get()) is not None:
            lost, self._lost = self._lost, 0
            note = f"gatefw: {lost} lines of the log were lost: nobody took them.\n" if lost else ""
            # not through sys.stderr: a lock held there by a write that hangs would spoil the interpreter's end
            with contextlib.suppress(OSError):
                os.write(self._descriptor, f"{note}{record.getMessage()}\n".encode(errors="replace"))


@contextlib.contextmanager
def journal(descriptor: int, line_format: str) -> Iterator[Journal]:
    """Let the root logger write through a Journal to `descriptor`, and put things back at the end."""
    root = logging.getLogger()
    handler = Journal(descriptor)
    handler.setFormatter(logging.Formatter(line_format))
    before, root.handlers = root.handlers, [handler]
    try:
        yield handler
    finally:
        root.handlers = before
        handler.close()
