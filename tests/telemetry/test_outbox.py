"""The window is bounded, only an acceptance counts, and what is denied holds nobody up. No broker, no waiting."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gatefw.model import AccessEvent, EventKind, Instant, Report
from gatefw.store import Drain, Store
from gatefw.telemetry import outbox as outbox_room
from gatefw.telemetry.message import GateIdentity, event_data
from gatefw.telemetry.outbox import Outbox
from gatefw.telemetry.pace import Backoff, Pace

IDENTITY = GateIdentity(gate="g", venue="v", area="a", point="p")
AT = Instant(mono_s=1.0, wall_utc=1584259200.0, uncertainty_s=0.1, trusted=True)


@pytest.fixture
def drain(tmp_path: Path) -> Iterator[Drain]:
    job = Report(event=AccessEvent(kind=EventKind.LEFT, at=AT))
    with Store.open(tmp_path / "gate.db", partial(event_data, IDENTITY)) as store:
        store.commit_all([job] * 10)
        with Drain(store.path) as opened:
            yield opened


def taken(outbox: Outbox) -> list[int]:
    seqs = []
    while (outgoing := outbox.take()) is not None:
        seqs.append(outgoing.seq)
    return seqs


def test_the_window_bounds_what_is_in_flight(drain: Drain) -> None:
    outbox = Outbox(drain=drain, identity=IDENTITY, window=4)
    assert taken(outbox) == [1, 2, 3, 4]
    outbox.accepted(2)
    assert taken(outbox) == [5]
    assert outbox.in_flight == 4


def test_a_lost_connection_sends_the_open_ones_again_in_order(drain: Drain) -> None:
    outbox = Outbox(drain=drain, identity=IDENTITY, window=4)
    taken(outbox)
    outbox.accepted(2)
    outbox.lost()
    assert taken(outbox) == [1, 3, 4, 5]


def test_only_accepted_events_are_marked(drain: Drain) -> None:
    outbox = Outbox(drain=drain, identity=IDENTITY, window=10)
    for seq in taken(outbox):
        if seq == 7:
            outbox.denied(seq, 60.0)
        else:
            outbox.accepted(seq)
    outbox.mark()
    assert [row.seq for row in drain.unacked(0, 99)] == [7]
    assert not outbox.is_empty()
    assert (outbox.acked_count, outbox.denied_count) == (9, 1)


def test_a_denied_event_goes_again_after_its_pause_even_over_connections(drain: Drain) -> None:
    outbox = Outbox(drain=drain, identity=IDENTITY, window=2)
    taken(outbox)
    assert outbox.denied(1, 60.0) is True
    outbox.accepted(2)
    outbox.lost()
    assert taken(outbox) == [3, 4]
    outbox.retry_held(59.9)
    outbox.accepted(3)
    assert taken(outbox) == [5]
    outbox.retry_held(60.0)
    outbox.accepted(4)
    assert taken(outbox) == [1]


def test_a_broker_that_denies_everything_is_not_flooded(drain: Drain) -> None:
    outbox = Outbox(drain=drain, identity=IDENTITY, window=3)
    for seq in taken(outbox):
        outbox.denied(seq, 60.0)
    assert outbox.refused
    assert taken(outbox) == []
    outbox.retry_held(61.0)
    assert taken(outbox) == [1, 2, 3]


def test_the_list_of_denied_events_is_bounded(drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_room, "HELD_LIMIT", 2)
    outbox = Outbox(drain=drain, identity=IDENTITY, window=5)
    first, second, third, *_ = taken(outbox)
    outbox.denied(first, 60.0)
    outbox.accepted(second)
    assert not outbox.refused
    outbox.denied(third, 60.0)
    assert outbox.refused


def test_the_backoff_doubles_to_its_bound_and_begins_anew() -> None:
    backoff = Backoff(Pace(backoff_first_s=1.0, backoff_most_s=60.0), lambda: 1.0)
    assert [backoff.failed() for _ in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    backoff.worked()
    assert backoff.failed() == 1.0


def test_the_backoff_is_jittered_down_to_a_floor() -> None:
    backoff = Backoff(Pace(backoff_first_s=1.0), lambda: 0.0)
    assert [backoff.failed() for _ in range(2000)][-1] == 0.1
