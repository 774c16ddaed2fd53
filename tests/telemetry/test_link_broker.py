"""The link against a real mosquitto: order, nothing lost, denials, the will, and a dead broker that costs nobody."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from gatefw.model import AccessEvent, Device, DeviceFailed, DeviceReady, EventKind, Instant, Report
from gatefw.simulation.broker import Broker
from gatefw.simulation.subscriber import Subscriber
from gatefw.store import Drain, Store
from gatefw.telemetry.link import BrokerAddress, Link
from gatefw.telemetry.link import session as session_room
from gatefw.telemetry.link.session import Session
from gatefw.telemetry.message import GateIdentity, event_data
from gatefw.telemetry.outbox import Outbox
from gatefw.telemetry.pace import Pace

IDENTITY = GateIdentity(gate="gate-01", venue="museum", area="north", point="door-2")
HASTY = Pace(backoff_first_s=0.1, backoff_most_s=0.3, denied_pause_s=0.2, progress_s=1.0)
PATIENCE_S = 20.0


def report(number: int, kind: EventKind = EventKind.REFUSED) -> Report:
    at = Instant(mono_s=float(number), wall_utc=1584259200.0 + number, uncertainty_s=0.05, trusted=True)
    return Report(event=AccessEvent(kind=kind, at=at, visit=number))


def keys(store: Store, count: int) -> list[str]:
    return [f"{store.epoch}-{seq}" for seq in range(1, count + 1)]


def becomes_true(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Poll a condition of another thread or process; bounded, and nothing is asserted about how long it took."""
    pause = threading.Event()
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        pause.wait(0.02)
    return True


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "gate.db", partial(event_data, IDENTITY)) as opened:
        yield opened


@contextmanager
def linked(
    store: Store, port: int, pace: Pace = HASTY
) -> Iterator[tuple[Link, SimpleQueue[DeviceReady | DeviceFailed]]]:
    told: SimpleQueue[DeviceReady | DeviceFailed] = SimpleQueue()
    address = BrokerAddress(host="127.0.0.1", port=port)
    link = Link(path=store.path, identity=IDENTITY, address=address, pace=pace, tell=told.put)
    try:
        yield link, told
    finally:
        link.close()


def test_events_arrive_in_order_and_once(broker: Broker, store: Store) -> None:
    with Subscriber(broker.host, broker.port) as ops, linked(store, broker.port) as (link, _):
        for number in range(1, 301):
            store.commit(report(number))
            link.wake()
        assert ops.wait_for(300, PATIENCE_S)
        assert [heard.key for heard in ops.heard] == keys(store, 300)
        assert ops.tally(keys(store, 301)).missing == 1
        assert ops.heard[0].topic == "gatefw/v1/gate-01/event/refused"


def test_closing_sends_what_waits(broker: Broker, store: Store) -> None:
    store.commit_all([report(number) for number in range(1, 501)])
    with Subscriber(broker.host, broker.port) as ops:
        with linked(store, broker.port) as (link, _):
            link.close(drain_s=PATIENCE_S)
            assert link.view().acked == 500
        assert ops.wait_for(500, PATIENCE_S)


def test_events_committed_while_the_broker_is_dead_go_when_it_is_back(broker: Broker, store: Store) -> None:
    with linked(store, broker.port) as (link, told):
        store.commit_all([report(number) for number in range(1, 101)])
        link.wake()
        assert becomes_true(lambda: not _unacked_seqs(store))
        broker.kill()
        store.commit_all([report(number) for number in range(101, 401)])
        link.wake()
        assert becomes_true(lambda: not link.view().connected)
        assert len(_unacked_seqs(store)) == 300
        broker.start()
        assert becomes_true(lambda: not _unacked_seqs(store))
    assert [told.get(timeout=PATIENCE_S) for _ in range(3)] == [
        DeviceReady(device=Device.LINK),
        DeviceFailed(device=Device.LINK, fault="link_down"),
        DeviceReady(device=Device.LINK),
    ]


def _unacked_seqs(store: Store) -> list[int]:
    with Drain(store.path) as drain:
        return [row.seq for row in drain.unacked(0, 1000)]


def test_a_broker_killed_in_the_stream_gets_the_rest_when_it_is_back(store: Store) -> None:
    """SIGKILL amid 600 events: whatever it had not acknowledged comes. (What it had, a broker may lose: its ack is
    not durable. This one writes each change down, so that the subscriber's session is there again.)
    """
    each_change = Broker(extra="autosave_on_changes true\nautosave_interval 1")
    with each_change as broker, Subscriber(broker.host, broker.port) as ops, linked(store, broker.port) as (link, _):
        store.commit_all([report(number) for number in range(1, 601)])
        link.wake()
        assert ops.wait_for(100, PATIENCE_S)
        broker.kill()
        assert becomes_true(lambda: not link.view().connected)
        open_at_kill = {f"{store.epoch}-{seq}" for seq in _unacked_seqs(store)}
        assert open_at_kill
        broker.start()
        assert becomes_true(lambda: not ops.tally(open_at_kill).missing)
        assert becomes_true(lambda: not _unacked_seqs(store))
        assert ops.tally(open_at_kill).duplicates == 0


@pytest.mark.parametrize("queue", ["", "max_queued_messages 0"], ids=["answered", "answered and cut off"])
def test_a_denied_publish_is_not_sent_and_holds_nobody_up(tmp_path: Path, store: Store, queue: str) -> None:
    """mosquitto 2.0.11 acks a denied publish with reason 135, and with an unbounded queue also cuts the line."""
    access = tmp_path / "access"
    access.write_text("topic read #\ntopic write gatefw/v1/+/event/refused\ntopic write gatefw/v1/gate-01/status\n")
    with Broker(extra=f"acl_file {access}\n{queue}") as broker:
        with Subscriber(broker.host, broker.port) as ops:
            store.commit_all([report(1), report(2, EventKind.FORCED_OPEN), report(3)])
            with linked(store, broker.port) as (link, _):
                assert ops.wait_for(2, PATIENCE_S)
                assert becomes_true(lambda: link.view().denied >= 2)
                assert becomes_true(lambda: len(_unacked_seqs(store)) == 1)
                assert link.view().acked == 2
            assert {heard.key for heard in ops.heard} == {f"{store.epoch}-1", f"{store.epoch}-3"}
        broker.kill()
        access.write_text("topic readwrite #\n")
        broker.start()
        with linked(store, broker.port):
            assert becomes_true(lambda: not _unacked_seqs(store))


def test_a_silent_broker_is_left_and_tried_again(store: Store) -> None:
    """Accepts TCP and says nothing: only our own timer can tell."""
    with socket.create_server(("127.0.0.1", 0)) as silent, linked(store, silent.getsockname()[1]) as (link, told):
        store.commit(report(1))
        link.wake()
        assert told.get(timeout=PATIENCE_S) == DeviceFailed(device=Device.LINK, fault="link_stalled")
        assert becomes_true(lambda: link.view().connection >= 2)
    assert len(_unacked_seqs(store)) == 1


def test_a_missing_broker_is_only_a_fault(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with linked(store, port) as (link, told):
        for number in range(50):
            store.commit(report(number))
            link.wake()
        assert told.get(timeout=PATIENCE_S) == DeviceFailed(device=Device.LINK, fault="link_down")
    assert len(_unacked_seqs(store)) == 50


def test_the_status_is_retained_online_then_offline(broker: Broker, store: Store) -> None:
    with linked(store, broker.port) as (link, _):
        assert becomes_true(lambda: link.view().connected)
        assert _retained_status(broker)["data"]["state"] == "online"
        link.close()
    status = _retained_status(broker)
    assert status["data"] == {"state": "offline", "epoch": store.epoch, "connection": 1}
    with linked(store, broker.port) as (link, _):
        assert becomes_true(lambda: link.view().connected)
        assert _retained_status(broker)["data"]["connection"] == 2


def test_mosquitto_sub_of_mqtt_3_1_1_reads_an_event(broker: Broker, store: Store) -> None:
    command = _mosquitto_sub(broker, "gatefw/v1/+/event/#", "-V", "mqttv311", "-C", "1", "-q", "1", "-i", "old", "-c")
    _run([*command, "-E"])  # leaves a kept session behind, so that nothing depends on who is first
    store.commit(report(1))
    with linked(store, broker.port):
        event = json.loads(_run(command))
    assert (event["specversion"], event["id"], event["type"]) == ("1.0", f"{store.epoch}-1", "gatefw.v1.refused")
    assert event["time"] == "2020-03-15T08:00:01.000Z"
    assert event["data"]["point"] == "door-2"


def _retained_status(broker: Broker) -> dict[str, dict[str, object]]:
    answer: dict[str, dict[str, object]] = json.loads(
        _run(_mosquitto_sub(broker, "gatefw/v1/gate-01/status", "-C", "1"))
    )
    return answer


def _mosquitto_sub(broker: Broker, topic: str, *options: str) -> list[str]:
    program = shutil.which("mosquitto_sub")
    assert program, "mosquitto_sub is missing: sudo apt install mosquitto-clients"
    return [program, "-h", broker.host, "-p", str(broker.port), "-t", topic, "-W", "10", *options]


def _run(command: list[str]) -> bytes:
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


def test_a_line_that_breaks_without_a_word_sets_the_will_free(
    broker: Broker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_room, "WILL_DELAY_S", 0)
    with Drain(store.path) as drain:
        outbox = Outbox(drain=drain, identity=IDENTITY, window=5)
        address = BrokerAddress(host=broker.host, port=broker.port)
        session = Session(address=address, identity=IDENTITY, outbox=outbox, pace=HASTY)
        session.open(store.epoch, 7)
        session.drop()
        session.drop()
    assert becomes_true(lambda: _retained_status(broker)["data"]["state"] == "lost")
    assert _retained_status(broker)["data"]["connection"] == 7
