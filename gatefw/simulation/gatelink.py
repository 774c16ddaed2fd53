"""A standalone gate from the other side: start it, follow its phases, strike it, and see that nothing of it is left."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from gatefw.decision.state import Phase
from gatefw.errors import DeviceFault
from gatefw.settings import Settings
from gatefw.simulation.rehearsal import YardDoor
from gatefw.simulation.standalone import LINES, GateOpening, Line, Phased, Strike

STOP_S: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessId:
    """A process by its number and the moment of its start (clock ticks since boot): numbers are used again."""

    pid: int
    started: int


class GateProcess:
    """A running gate. Leaving the context kills it, whatever it is doing."""

    def __init__(self, opening: GateOpening) -> None:
        self.lines: list[Line] = []
        self.family: set[ProcessId] = set()
        self._fresh: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gatefw.simulation.standalone"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        message = msgspec.msgpack.encode(opening)
        assert self._process.stdin  # noqa: S101  # it was asked for
        # a gate that ends at once says so by its output's end
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(len(message).to_bytes(4, "little") + message)
            self._process.stdin.flush()
        self._reading = threading.Thread(target=self._read, name="gate's lines", daemon=True)
        self._reading.start()

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal), None while it runs."""
        return self._process.poll()

    def await_phase(self, phase: Phase, within_s: float) -> Phased:
        """Return when the gate says that it came into `phase`. Raises DeviceFault when it ends or takes too long."""
        return self.await_any(lambda entered: entered is phase, phase.value, within_s)

    def await_any(self, wanted: Callable[[Phase], bool], what: str, within_s: float) -> Phased:
        """Do the same for any phase that is wanted, of those that were not looked at yet."""
        end_s = time.monotonic() + within_s
        while True:
            try:
                line = self._fresh.get(timeout=max(0.0, end_s - time.monotonic()))
            except queue.Empty:
                raise DeviceFault("gate_late", f"The gate was not {what} within {within_s:g} s: {self.lines}") from None
            if line is None:
                raise DeviceFault("gate_ended", f"The gate ended before it was {what}: {self.lines}")
            if isinstance(line, Phased) and wanted(line.phase):
                return line

    def strike(self, number: signal.Signals) -> float:
        """Send a signal; returns when (monotonic)."""
        self._note_family()
        at_s = time.monotonic()
        self._process.send_signal(number)
        return at_s

    def survivors(self) -> list[ProcessId]:
        """Which of the processes that were ever seen of this gate are still there."""
        return [member for member in tuple(self.family) if _started(member.pid) == member.started]

    def await_end(self, within_s: float) -> int:
        """Wait for the process's end; returns how. Raises DeviceFault when it takes too long."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise DeviceFault("gate_late", f"The gate did not end within {within_s:g} s.") from None

    def stop(self) -> int:
        """Ask it to end and wait; returns its exit code."""
        self.strike(signal.SIGTERM)
        return self.await_end(STOP_S)

    def close(self) -> None:
        """Kill it if it still runs, and reap it. Safe to call twice."""
        self._process.kill()
        self._process.wait()
        self._reading.join(STOP_S)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream:
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _note_family(self) -> None:
        self.family |= set(family(self.pid))

    def _read(self) -> None:
        assert self._process.stdout  # noqa: S101  # it was asked for
        for text in self._process.stdout:
            with contextlib.suppress(msgspec.DecodeError):  # a line that was cut off by a kill
                line = LINES.decode(text)
                self._note_family()
                self.lines.append(line)
                self._fresh.put(line)
        self._fresh.put(None)


def start_gate(yard: YardDoor, settings: Settings, *, seed: int = 0, strike: Strike | None = None) -> GateProcess:
    """Start a gate before `yard`; its files and broker are those of `settings`. Live yards only."""
    opening = GateOpening(
        settings=settings, seed=seed, address=yard.camera_address, authkey=yard.authkey, strike=strike
    )
    return GateProcess(opening)


def family(pid: int) -> Iterator[ProcessId]:
    """Give a process and all its descendants, by Linux's own list."""
    started = _started(pid)
    if started is None:
        return
    yield ProcessId(pid=pid, started=started)
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _started(pid: int) -> int | None:
    """When a process started; None for one that is gone, or that is dead and waits only to be reaped."""
    try:
        state, *words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(words[18])


def resident_bytes(pid: int) -> int:
    """How much memory a process has in use."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
