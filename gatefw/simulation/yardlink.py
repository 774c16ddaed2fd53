"""The yard from the other side: start it, wire the simulated devices to it, move its time, read its report.

The process that starts a yard is its judge and gets a `YardProcess`. A daemon elsewhere only needs the address and the
key: `connect_pins`, `connect_senses` and the simulated camera do the rest.
"""

import contextlib
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from gatefw.errors import DeviceFault, SettingsError
from gatefw.simulation.mlx90614 import Senses
from gatefw.simulation.report import Glance, Report, Switch
from gatefw.simulation.wiring import Edge
from gatefw.simulation.yardwords import (
    ADVANCED,
    CONTROL,
    ENCODER,
    PIN_LEVEL,
    PINS,
    SENSE,
    SENSED,
    Advance,
    Opening,
    Request,
    TellGlance,
    TellReport,
    Turn,
    YardConfig,
)

START_S: Final = 30.0
END_S: Final = 5.0
_MESSAGE_LIMIT: Final = 64 << 20
_Answer = TypeVar("_Answer")


class PinsLink:
    """The daemon's end of its lines: `write` for outputs, `on_edge(pin, high)` for contacts.

    `levels` are the contacts at the time of connecting. In live mode `listen` starts a thread that calls `on_edge`;
    in lockstep the one who advances time calls `deliver` with the edges that came of it.
    """

    def __init__(self, channel: Connection, contacts: int) -> None:
        self.writes = 0
        self.on_edge: Callable[[int, bool], None] | None = None
        self._channel = channel
        self._sending = threading.Lock()
        channel.send_bytes(PINS)
        self.levels = dict(self._receive() for _ in range(contacts))

    def write(self, pin: int, level: float) -> None:
        """Set BCM line `pin` to 0..1. After the yard has gone the lines lead nowhere, and this does nothing."""
        with self._sending:
            self.writes += 1
            with contextlib.suppress(OSError):
                self._channel.send_bytes(PIN_LEVEL.pack(pin, level))

    def deliver(self, edges: Sequence[Edge]) -> None:
        """Hand contacts that changed to `on_edge`."""
        if self.on_edge:
            for pin, high in edges:
                self.on_edge(pin, high)

    def listen(self) -> None:
        """Start delivering contacts from a thread of its own, until the link is closed."""
        threading.Thread(target=self._deliver_all, name="contacts", daemon=True).start()

    def close(self) -> None:
        """Let go of the lines: all of them fall. Safe to call twice."""
        self._channel.close()

    def _deliver_all(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.deliver((Edge(*self._receive()),))

    def _receive(self) -> tuple[int, bool]:
        pin, level = PIN_LEVEL.unpack(self._channel.recv_bytes(PIN_LEVEL.size))
        return pin, level >= 0.5


def connect(address: str, authkey: bytes) -> Connection:
    """Connect to a yard. Raises DeviceFault if none is there."""
    try:
        return Client(address, family="AF_UNIX", authkey=authkey)
    except (OSError, EOFError, AuthenticationError) as error:
        raise DeviceFault("yard_missing", f"No simulated yard answers at {address}: {error}.") from error


def connect_pins(address: str, authkey: bytes, contacts: int) -> PinsLink:
    """Connect the daemon's lines; `contacts` is how many contact lines are fitted (see `Wiring`)."""
    return PinsLink(connect(address, authkey), contacts)


def connect_senses(address: str, authkey: bytes) -> Callable[[], Senses]:
    """Return a callable that asks the yard what is true before the thermometer. Raises OSError once it is gone."""
    channel = connect(address, authkey)
    channel.send_bytes(SENSE)
    asking = threading.Lock()

    def sense() -> Senses:
        with asking:
            channel.send_bytes(b"?")
            seen = SENSED.decode(channel.recv_bytes(4096))
        return Senses(object_c=seen.object_c, ambient_c=seen.ambient_c, fault=seen.fault, at_s=seen.at_s)

    return sense


class YardProcess:
    """A running yard and its control channel. Leaving the context ends the process, by its id."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, opening: Opening) -> None:
        self.camera_address = opening.address
        self.authkey = opening.authkey
        self.config = opening.config
        self.everyone_left = not opening.config.plans
        self._process = process
        self._folder = folder
        self._asking = threading.Lock()
        self._pins: PinsLink | None = None
        self._control = connect(opening.address, opening.authkey)
        self._control.send_bytes(CONTROL)

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def pins(self) -> PinsLink:
        """Connect the lines of a daemon in this process."""
        self._pins = connect_pins(self.camera_address, self.authkey, self.config.wiring.contacts())
        return self._pins

    def sense(self) -> Callable[[], Senses]:
        """Connect a thermometer in this process."""
        return connect_senses(self.camera_address, self.authkey)

    def advance(self, until_s: float) -> tuple[float, tuple[Edge, ...]]:
        """Let time pass to `until_s` or the first contact that changes; return the time and the changes.

        Pin writes made by `pins()` before are seen first. A live yard moves by itself: it only tells its time.
        """
        writes = self._pins.writes if self._pins else 0
        advanced = ADVANCED.decode(self._ask(Advance(until_s=until_s, writes=writes)))
        self.everyone_left = advanced.everyone_left
        return advanced.now_s, advanced.edges

    def switch(self, switch: Switch, *, on: bool) -> None:
        """Do something to the yard."""
        self._ask(Turn(switch=switch, on=on))

    def report(self) -> Report:
        """Return everything that was seen so far."""
        return msgspec.msgpack.decode(self._ask(TellReport()), type=Report)

    def glance(self) -> Glance:
        """Return this moment, for a live view."""
        return msgspec.msgpack.decode(self._ask(TellGlance()), type=Glance)

    def close(self) -> None:
        """End the yard. Safe to call twice."""
        self._control.close()
        end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: Request) -> bytes:
        with self._asking:
            try:
                self._control.send_bytes(ENCODER.encode(request))
                return self._control.recv_bytes(_MESSAGE_LIMIT)
            except (EOFError, OSError) as error:
                raise DeviceFault("yard_ended", "The simulated yard has ended; see its message above.") from error


def start_yard(config: YardConfig) -> YardProcess:
    """Start a yard and wait until it serves.

    Raises SettingsError for a visitor that can't be shown, DeviceFault if the process doesn't start.
    """
    folder = Path(tempfile.mkdtemp(prefix="gatefw-yard-"))
    opening = Opening(config=config, address=str(folder / "yard"), authkey=secrets.token_bytes(32))
    process = subprocess.Popen(
        [sys.executable, "-m", "gatefw.simulation.yard"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        _await_ready(process, opening)
        return YardProcess(process, folder, opening)
    except BaseException:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _await_ready(process: "subprocess.Popen[bytes]", opening: Opening) -> None:
    assert process.stdin and process.stdout  # noqa: S101  # both were asked for
    message = ENCODER.encode(opening)
    process.stdin.write(len(message).to_bytes(4, "little") + message)
    process.stdin.flush()
    readable, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline().decode(errors="replace").strip() if readable else ""
    if line == "ready":
        return
    if line:
        raise SettingsError("visitor", line)
    raise DeviceFault("yard_failed", f"The simulated yard did not start within {START_S:g} s.")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process of ours: its standard input first, then, if it lingers, a kill."""
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
