"""What goes over the wire, byte for byte; no person, and a time that can be told."""

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.errors import SettingsError
from gatefw.model import (
    AccessEvent,
    Decoder,
    Device,
    EventKind,
    Format,
    Instant,
    Reason,
    TemperatureBand,
)
from gatefw.telemetry.message import GateIdentity, LinkState, event_data, event_message, rfc3339, status_message

IDENTITY = GateIdentity(gate="gate-01", venue="吉林省图书馆", area="north", point="door-2")
EPOCH = "00112233445566778899aabbccddeeff"


def at(*, wall_utc: float = 1584259200.25, uncertainty_s: float = 0.0204, trusted: bool = True) -> Instant:
    return Instant(mono_s=5.0, wall_utc=wall_utc, uncertainty_s=uncertainty_s, trusted=trusted)


def test_an_admission_on_the_wire() -> None:
    event = AccessEvent(
        kind=EventKind.GRANTED,
        at=at(),
        visit=7,
        grant_id=3,
        format=Format.JIXIANG,
        decoder=Decoder.ZXING,
        temperature=TemperatureBand.NORMAL,
    )
    data = event_data(IDENTITY, event)
    message = event_message(IDENTITY, epoch=EPOCH, seq=12, kind="granted", at_utc=event.at.wall_utc, data=data)
    assert message.topic == "gatefw/v1/gate-01/event/granted"
    assert message.payload.decode() == (
        '{"specversion":"1.0","id":"00112233445566778899aabbccddeeff-12","source":"/gatefw/gate-01",'
        '"type":"gatefw.v1.granted","time":"2020-03-15T08:00:00.250Z","datacontenttype":"application/json",'
        '"data":{"venue":"吉林省图书馆","area":"north","point":"door-2","clock":{"trusted":true,"uncertainty_s":0.02},'
        '"visit":7,"grant":3,"format":"jixiang","decoder":"zxing","temperature":"normal"}}'
    )


def test_a_fault_on_the_wire() -> None:
    event = AccessEvent(
        kind=EventKind.FAULT,
        at=at(uncertainty_s=math.inf, trusted=False),
        reason=Reason.SENSOR_FAULT,
        device=Device.THERMOMETER,
        fault="pec_error",
    )
    assert json.loads(event_data(IDENTITY, event)) == {
        "venue": "吉林省图书馆",
        "area": "north",
        "point": "door-2",
        "clock": {"trusted": False, "uncertainty_s": None},
        "reason": "sensor_fault",
        "device": "thermometer",
        "fault": "pec_error",
    }


def test_the_will_says_lost_and_nothing_of_when() -> None:
    message = status_message(IDENTITY, epoch=EPOCH, connection=4, state=LinkState.LOST)
    assert message.topic == "gatefw/v1/gate-01/status"
    assert json.loads(message.payload) == {
        "specversion": "1.0",
        "id": f"{EPOCH}-connection-4-lost",
        "source": "/gatefw/gate-01",
        "type": "gatefw.v1.status",
        "datacontenttype": "application/json",
        "data": {"state": "lost", "epoch": EPOCH, "connection": 4},
    }


@pytest.mark.parametrize("gate", ["a", "gate-01", "0" * 32])
def test_a_gate_id_that_is_accepted(gate: str) -> None:
    assert GateIdentity(gate=gate, venue="v", area="a", point="p").gate == gate


@pytest.mark.parametrize("gate", ["", "Gate", "a/b", "a#", "+", "a b", "0" * 33, "gate\n", "tür", "gate_1"])
def test_a_gate_id_that_is_refused(gate: str) -> None:
    with pytest.raises(SettingsError, match="1 to 32 of a-z"):
        GateIdentity(gate=gate, venue="v", area="a", point="p")


@pytest.mark.parametrize("place", ["", "x" * 65])
def test_a_place_without_a_name_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match="area must have"):
        GateIdentity(gate="g", venue="v", area=place, point="p")


@given(st.floats(min_value=0.0, max_value=250_000_000_000.0))
def test_a_time_is_told_to_the_millisecond(at_utc: float) -> None:
    told = datetime.fromisoformat(rfc3339(at_utc))
    assert told.tzinfo == UTC
    assert abs(told.timestamp() - at_utc) < 0.00052


@pytest.mark.parametrize("at_utc", [math.nan, math.inf, -math.inf, 1e18, -1e15])
def test_a_time_that_can_not_be_told_is_refused_before_it_is_stored(at_utc: float) -> None:
    with pytest.raises(ValueError):
        event_data(IDENTITY, AccessEvent(kind=EventKind.LEFT, at=at(wall_utc=at_utc)))


@given(
    kind=st.sampled_from(EventKind),
    reason=st.none() | st.sampled_from(Reason),
    visit=st.none() | st.integers(0, 2**53),
    fault=st.none() | st.text(),
    uncertainty_s=st.floats(),
)
def test_every_event_is_one_json_object_with_its_place_and_clock(
    kind: EventKind, reason: Reason | None, visit: int | None, fault: str | None, uncertainty_s: float
) -> None:
    event = AccessEvent(kind=kind, at=at(uncertainty_s=uncertainty_s), reason=reason, visit=visit, fault=fault)
    data = event_data(IDENTITY, event)
    message = event_message(IDENTITY, epoch=EPOCH, seq=1, kind=kind.value, at_utc=event.at.wall_utc, data=data)
    told = json.loads(message.payload)
    assert message.topic.rsplit("/", 1)[1] == kind
    assert told["data"].get("fault") == fault
    assert told["data"].get("visit") == visit
    assert {"venue", "area", "point", "clock"} <= told["data"].keys()
    measured = told["data"]["clock"]["uncertainty_s"]
    assert (measured is None) == (not math.isfinite(uncertainty_s))
