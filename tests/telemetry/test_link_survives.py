"""Whatever a broker's bytes do inside the MQTT library costs one connection, never the link."""

import contextlib
import socket
from functools import partial
from pathlib import Path

from gatefw.store import Store
from gatefw.telemetry.link import BrokerAddress, Link
from gatefw.telemetry.message import GateIdentity, event_data
from gatefw.telemetry.pace import Pace

IDENTITY = GateIdentity(gate="gate-01", venue="museum", area="north", point="door-2")
HASTY = Pace(backoff_first_s=0.1, backoff_most_s=0.2, progress_s=1.0)
PATIENCE_S = 10.0

CONNACK = bytes((0x20, 3, 0, 0, 0))
EMPTY_PUBLISH = bytes((0x30, 0))
"""A publish without so much as the length of its topic (MQTT 5, 3.3.2): paho stumbles over it."""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_until_left(line: socket.socket) -> None:
    line.settimeout(PATIENCE_S)
    with contextlib.suppress(ConnectionResetError):  # what it hasn't read makes its leaving a reset
        while line.recv(4096):
            pass


def test_a_broker_that_talks_nonsense_is_called_again(tmp_path: Path) -> None:
    address = ("127.0.0.1", 0)
    with Store.open(tmp_path / "gate.db", partial(event_data, IDENTITY)) as store, socket.create_server(address) as ear:
        ear.settimeout(PATIENCE_S)
        host, port = ear.getsockname()
        link = Link(path=store.path, identity=IDENTITY, address=BrokerAddress(host=host, port=port), pace=HASTY)
        try:
            for _ in range(3):
                line, _ = ear.accept()
                with line:
                    line.sendall(CONNACK + EMPTY_PUBLISH * 3)
                    wait_until_left(line)
        finally:
            link.close()


def test_calling_again_and_again_leaves_no_file_open(tmp_path: Path) -> None:
    address = ("127.0.0.1", 0)
    with Store.open(tmp_path / "gate.db", partial(event_data, IDENTITY)) as store, socket.create_server(address) as ear:
        ear.settimeout(PATIENCE_S)
        host, port = ear.getsockname()
        pace = Pace(backoff_first_s=0.01, backoff_most_s=0.02, progress_s=1.0)
        link = Link(path=store.path, identity=IDENTITY, address=BrokerAddress(host=host, port=port), pace=pace)
        try:
            counts = []
            for _ in range(40):
                line, _ = ear.accept()
                line.close()
                counts.append(open_files())
            assert max(counts[20:]) <= max(counts[:5]) + 2
        finally:
            link.close()
