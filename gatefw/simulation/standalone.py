"""One gate as a process of its own, before a yard that another process owns: to be stopped, hung and killed.

The gate is the shipped one on the live ground of a rehearsal. It tells its phases and releases on standard output,
one JSON object a line. What it has beyond a gate are ways to hang (signals) and to be struck at a moment that
nobody outside could hit. Run by `gatelink.start_gate`.
"""

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import Final

import msgspec

from gatefw.assembly import Gate
from gatefw.daemon import QueueInbox, Turned
from gatefw.decision.state import Phase
from gatefw.errors import GatefwError
from gatefw.model import Recorded
from gatefw.ports import Observation
from gatefw.settings import Settings
from gatefw.simulation.mlx90614 import Senses
from gatefw.simulation.rehearsal import LiveClock, Play, ground_on, wiring_of
from gatefw.simulation.yardlink import PinsLink, connect_pins, connect_senses

SPIN: Final = signal.SIGUSR1
"""The loop's thread never comes back from a busy loop; the other threads live on."""
HOLD_INTERPRETER: Final = signal.SIGUSR2
"""The loop's thread never comes back from one call into C that holds the interpreter: no thread lives on."""

_ENDLESS: Final = re.compile(r"(a+)+b")
_ENDLESS_ON: Final = "a" * 64
"""Backtracks 2^64 times."""


class Moment(StrEnum):
    """Moments too short to be hit from outside."""

    RECORDING = "recording"
    """The grant was just handed to the store."""
    RECORDED = "recorded"
    """The grant is committed, and the loop has not been told yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strike:
    """Send this signal (its number) to oneself at this moment, the first time that it comes."""

    at: Moment
    signal: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GateOpening:
    """What the process reads from its standard input before anything else. `seed` is the thermometer's noise."""

    settings: Settings
    seed: int
    address: str
    authkey: bytes
    strike: Strike | None = None


class Phased(msgspec.Struct, frozen=True, kw_only=True, tag="phase"):
    """The gate has come into a phase, at `at_s` (monotonic); `worker` is the reader worker's process id."""

    phase: Phase
    at_s: float
    worker: int | None


class Released(msgspec.Struct, frozen=True, kw_only=True, tag="released"):
    """The relay was ordered on, `latency_s` after the frame was handed to the decoder (None: not by a code alone)."""

    at_s: float
    latency_s: float | None


Line = Phased | Released
LINES: Final[msgspec.json.Decoder[Line]] = msgspec.json.Decoder(Line)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Door:
    """The yard, seen from here."""

    camera_address: str
    authkey: bytes

    def sense(self) -> Callable[[], Senses]:
        return connect_senses(self.camera_address, self.authkey)


class _StruckInbox(QueueInbox):
    """A queue that strikes when the loop is about to take the store's answer: all that came before has been told."""

    def __init__(self, strike: Callable[[], None]) -> None:
        super().__init__()
        self._strike = strike

    def get(self, until_s: float) -> Observation | None:
        observation = super().get(until_s)
        if isinstance(observation, Recorded):
            self._strike()
        return observation


class _Striker:
    """Sends the ordered signal once."""

    def __init__(self, strike: Strike | None) -> None:
        self._strike = strike

    def pass_by(self, moment: Moment) -> None:
        strike = self._strike
        if strike is not None and strike.at is moment:
            self._strike = None
            os.kill(os.getpid(), strike.signal)


class _Teller:
    """Says what the loop did, where it changed."""

    def __init__(self, striker: _Striker) -> None:
        self._striker = striker
        self._phase: Phase | None = None
        self.gate: Gate | None = None

    def watch(self, turned: Turned) -> None:
        if turned.latency_s is not None:
            self._say(Released(at_s=turned.now.mono_s, latency_s=turned.latency_s))
        if turned.state.phase is self._phase:
            return
        self._phase = turned.state.phase
        worker = self.gate.reader.worker_pid if self.gate else None
        self._say(Phased(phase=self._phase, at_s=turned.now.mono_s, worker=worker))
        if self._phase is Phase.RECORDING:
            self._striker.pass_by(Moment.RECORDING)

    def _say(self, line: Line) -> None:
        os.write(sys.stdout.fileno(), msgspec.json.encode(line) + b"\n")


def _spin(_signal: int, _frame: FrameType | None) -> None:
    while True:
        pass


def _hold_interpreter(_signal: int, _frame: FrameType | None) -> None:
    _ENDLESS.match(_ENDLESS_ON)


def run(opening: GateOpening) -> None:
    """Run the gate until SIGTERM, or whatever else ends it."""
    striker = _Striker(opening.strike)
    teller = _Teller(striker)
    door = _Door(camera_address=opening.address, authkey=opening.authkey)
    pins = connect_pins(opening.address, opening.authkey, wiring_of(opening.settings).contacts())
    play = Play(plans=(), seed=opening.seed, settings=opening.settings)
    inbox = _StruckInbox(lambda: striker.pass_by(Moment.RECORDED))
    with Gate(opening.settings, ground_on(door, pins, play, LiveClock(), inbox), watch=teller.watch) as gate:
        teller.gate = gate
        signal.signal(signal.SIGTERM, lambda number, frame: gate.daemon.stop())
        signal.signal(SPIN, _spin)
        signal.signal(HOLD_INTERPRETER, _hold_interpreter)
        _run_threads(gate, pins)


def _run_threads(gate: Gate, pins: PinsLink) -> None:
    pins.listen()
    gate.start_threads()
    gate.daemon.run()


def _end_with_judge() -> None:
    """Nobody is left to end a gate whose judge has gone, even one that hangs."""
    with contextlib.suppress(OSError):
        os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Read the opening, run; a gate that can't start ends with one sentence and 69."""
    length = int.from_bytes(sys.stdin.buffer.read(4), "little")
    opening = msgspec.msgpack.decode(sys.stdin.buffer.read(length), type=GateOpening)
    threading.Thread(target=_end_with_judge, name="judge", daemon=True).start()
    try:
        run(opening)
    except GatefwError as error:
        print(f"gatefw: {error}", file=sys.stderr)
        return os.EX_UNAVAILABLE
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
