"""Events from the loop to the broker, durable on the way, beside bare paho with the same messages and window.

Both run against one mosquitto in the same process, in turns, so that a busy machine slows both.
"""

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gatefw.model import AccessEvent, EventKind, Instant, Report, TemperatureBand
from gatefw.ports import Observation
from gatefw.simulation.broker import Broker
from gatefw.simulation.subscriber import Subscriber
from gatefw.store import Recorder, Store
from gatefw.telemetry.link import BrokerAddress, Link
from gatefw.telemetry.message import GateIdentity, event_data, event_message
from gatefw.telemetry.pace import Pace

IDENTITY = GateIdentity(gate="bench", venue="museum", area="north", point="door-2")
BOUND_S = 30.0


def _report(number: int) -> Report:
    at = Instant(mono_s=float(number), wall_utc=1584259200.0 + number, uncertainty_s=0.05, trusted=True)
    kind, band = EventKind.PASSED, TemperatureBand.NORMAL
    return Report(event=AccessEvent(kind=kind, at=at, visit=number, grant_id=number, temperature=band))


def _ignore(_: Observation) -> None:
    """The bench asks nothing of the store's answers."""


def _until(done: Any, pause: threading.Event) -> None:
    begun = perf_counter()
    while not done():
        if perf_counter() - begun > BOUND_S:
            raise TimeoutError(f"not done within {BOUND_S:.0f} s")
        pause.wait(0.005)


def _durable_s(folder: Path, broker: Broker, events: int) -> float:
    """From the first job handed to the recorder to the last acknowledgement of the broker."""
    with Store.open(folder / "gate.db", partial(event_data, IDENTITY)) as store:
        address = BrokerAddress(host=broker.host, port=broker.port)
        link = Link(path=store.path, identity=IDENTITY, address=address)
        recorder = Recorder(store=store, put=_ignore, committed=link.wake)
        pause = threading.Event()
        _until(lambda: link.view().connected, pause)
        jobs = [_report(number) for number in range(events)]
        begun = perf_counter()
        for job in jobs:
            recorder.submit(job)
        _until(lambda: link.view().acked >= events, pause)
        took_s = perf_counter() - begun
        recorder.close()
        link.close()
    return took_s


def _bare_s(broker: Broker, events: int) -> float:
    """The same messages straight from memory, QoS 1, paho's own thread and window."""
    acked: list[int] = []
    connected = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(Pace().window)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = lambda _c, _u, mid, *_: acked.append(mid)
    client.connect(broker.host, broker.port)
    client.loop_start()
    connected.wait(BOUND_S)
    event = _report(1).event
    data = event_data(IDENTITY, event)
    told = event_message(IDENTITY, epoch="0" * 32, seq=10**6, kind="passed", at_utc=event.at.wall_utc, data=data)
    begun = perf_counter()
    for _ in range(events):
        client.publish(told.topic, told.payload, qos=1)
    _until(lambda: len(acked) >= events, threading.Event())
    took_s = perf_counter() - begun
    client.disconnect()
    client.loop_stop()
    return took_s


def _commit_s(folder: Path, commits: int) -> float:
    with Store.open(folder / "gate.db", partial(event_data, IDENTITY)) as store:
        begun = perf_counter()
        for number in range(commits):
            store.commit(_report(number))
        return (perf_counter() - begun) / commits


def _bare_commit_s(folder: Path, commits: int) -> float:
    """One row of the same bytes into a bare table, with the same pragmas."""
    data = event_data(IDENTITY, _report(1).event)
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for setting in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0"):
        bare.execute(setting).fetchall()
    bare.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, data BLOB)")
    begun = perf_counter()
    for _ in range(commits):
        bare.execute("INSERT INTO event (data) VALUES (?)", (data,))
    took_s = perf_counter() - begun
    bare.close()
    return took_s / commits


def _counted(folder: Path, events: int) -> Iterator[dict[str, Any]]:
    """Lost and duplicates: what was committed while there was no broker, then drained to a subscriber."""
    with Store.open(folder / "gate.db", partial(event_data, IDENTITY)) as store:
        store.commit_all([_report(number) for number in range(events)])
        with Broker() as broker, Subscriber(broker.host, broker.port) as ops:
            address = BrokerAddress(host=broker.host, port=broker.port)
            link = Link(path=store.path, identity=IDENTITY, address=address)
            ops.wait_for(events, BOUND_S)
            link.close(drain_s=BOUND_S)
            tally = ops.tally(f"{store.epoch}-{seq}" for seq in range(1, events + 1))
    for figure, value in (("lost", tally.missing), ("duplicates", tally.duplicates)):
        yield _figure(figure, float(value), "events", aim="0", met=value == 0)
    yield _figure("redelivered under the same key", float(tally.redelivered), "events")


def _figure(
    figure: str,
    value: float,
    unit: str,
    *,
    reference: float | None = None,
    aim: str | None = None,
    met: bool | None = None,
) -> dict[str, Any]:
    return {
        "bench": "telemetry",
        "figure": figure,
        "value": value,
        "unit": unit,
        "reference": reference,
        "ratio": None if reference is None else value / reference,
        "aim": aim,
        "met": met,
    }


def _in_turns(root: Path, rounds: int, events: int) -> tuple[float, float]:
    durable, bare = [], []
    with Broker() as broker:
        for number in range(rounds):
            folder = root / f"round-{number}"
            folder.mkdir()
            durable.append(events / _durable_s(folder, broker, events))
            bare.append(events / _bare_s(broker, events))
    return median(durable), median(bare)


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Give durable events/s, commits/s, and what was lost or doubled over a broker's absence."""
    rounds, events, commits = (3, 4000, 300) if quick else (5, 20000, 2000)
    with tempfile.TemporaryDirectory(dir=os.environ.get("GATEFW_BENCH_DIR"), prefix="gatefw-bench-") as name:
        root = Path(name)
        ours, bare = _in_turns(root, rounds, events)
        yield _figure(
            "gate to broker, durable",
            ours,
            "events/s",
            reference=bare,
            aim=">= 0.6 x bare paho",
            met=ours >= 0.6 * bare,
        )
        one, bare_one = _commit_s(root, commits), _bare_commit_s(root, commits)
        yield _figure("commits, one at a time", 1 / one, "1/s", reference=1 / bare_one)
        (root / "counted").mkdir()
        yield from _counted(root / "counted", events)
