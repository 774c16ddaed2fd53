"""PURE. What goes over the wire: CloudEvents 1.0.2, structured JSON, one message an event.

Two steps, because what was told must stay told: `event_data` writes an event's data when it is committed,
`event_message` wraps the stored bytes when they are sent. The envelope's attributes are those of
CloudEvents 1.0.2 §"Context Attributes"; the content type is that of its MQTT binding §3.2.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import msgspec

from gatefw.errors import SettingsError
from gatefw.model import AccessEvent

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
"""Content-Type property of every publish (CloudEvents MQTT binding 1.0.2, 3.2.1)."""

TOPIC_ROOT: Final = "gatefw/v1"

_GATE: Final = re.compile(r"[a-z0-9-]{1,32}\Z")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

PLACE_LIMIT_CHARS: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class GateIdentity:
    """Who speaks: one gate is one scan point. `gate` is also the client's name at the broker.

    Raises SettingsError when `gate` isn't 1–32 of a–z, 0–9 and hyphen, or a place is empty or over 64 characters.
    """

    gate: str
    venue: str
    area: str
    point: str

    def __post_init__(self) -> None:
        if not _GATE.match(self.gate):
            raise SettingsError("gate_id", f"The gate's id {self.gate!r} must be 1 to 32 of a-z, 0-9 and hyphen.")
        for name in ("venue", "area", "point"):
            if not 0 < len(getattr(self, name)) <= PLACE_LIMIT_CHARS:
                raise SettingsError("gate_place", f"{name} must have 1 to {PLACE_LIMIT_CHARS} characters.")


class ClockQuality(msgspec.Struct, frozen=True, kw_only=True):
    """How far the message's time can be trusted: `uncertainty_s` is null when nothing bounds the error."""

    trusted: bool
    uncertainty_s: float | None


class EventData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The data of an event: where (venue, area, scan point), how good the clock was, and what happened.

    `visit`, `grant` number presences since the daemon's start and grants of this gate; `reason`, `format`,
    `decoder`, `temperature` (a band, never a value), `device`, `fault` stand where they apply.
    """

    venue: str
    area: str
    point: str
    clock: ClockQuality
    visit: int | None = None
    grant: int | None = None
    reason: str | None = None
    format: str | None = None
    decoder: str | None = None
    temperature: str | None = None
    device: str | None = None
    fault: str | None = None


class LinkState(StrEnum):
    """What the retained status says. `lost` is the will: the broker says it for us."""

    ONLINE = "online"
    OFFLINE = "offline"
    LOST = "lost"


class StatusData(msgspec.Struct, frozen=True, kw_only=True):
    """The data of the status: a status with a lower `connection` of the same `epoch` is out of date."""

    state: str
    epoch: str
    connection: int


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope. `time` is RFC 3339 UTC with milliseconds; the status has none (a will can't know when)."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str | msgspec.UnsetType = msgspec.UNSET
    datacontenttype: Literal["application/json"]
    data: msgspec.Raw


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One publish: `payload` is UTF-8 JSON, its content type is `CONTENT_TYPE`."""

    topic: str
    payload: bytes


def event_data(identity: GateIdentity, event: AccessEvent) -> bytes:
    """Write an event's data as JSON bytes, as they are stored and sent. Holds no person and no code.

    Raises ValueError for a time that can't be told, so that no such row is ever stored.
    """
    rfc3339(event.at.wall_utc)
    uncertainty_s = event.at.uncertainty_s
    data = EventData(
        venue=identity.venue,
        area=identity.area,
        point=identity.point,
        clock=ClockQuality(
            trusted=event.at.trusted,
            uncertainty_s=round(uncertainty_s, 3) if math.isfinite(uncertainty_s) else None,
        ),
        visit=event.visit,
        grant=event.grant_id,
        reason=event.reason,
        format=event.format,
        decoder=event.decoder,
        temperature=event.temperature,
        device=event.device,
        fault=event.fault,
    )
    return msgspec.json.encode(data)


def event_message(identity: GateIdentity, *, epoch: str, seq: int, kind: str, at_utc: float, data: bytes) -> Message:
    """Wrap a committed event. `at_utc` is Unix seconds; (gate, epoch, seq) is its key for ever."""
    event = CloudEvent(
        specversion="1.0",
        id=f"{epoch}-{seq}",
        source=_source(identity),
        type=f"gatefw.v1.{kind}",
        time=rfc3339(at_utc),
        datacontenttype="application/json",
        data=msgspec.Raw(data),
    )
    return Message(topic=f"{TOPIC_ROOT}/{identity.gate}/event/{kind}", payload=_encode(event))


def status_message(identity: GateIdentity, *, epoch: str, connection: int, state: LinkState) -> Message:
    """Say whether the gate is connected: published retained on connecting and leaving, and given as the will."""
    event = CloudEvent(
        specversion="1.0",
        id=f"{epoch}-connection-{connection}-{state.value}",
        source=_source(identity),
        type="gatefw.v1.status",
        datacontenttype="application/json",
        data=msgspec.Raw(msgspec.json.encode(StatusData(state=state.value, epoch=epoch, connection=connection))),
    )
    return Message(topic=f"{TOPIC_ROOT}/{identity.gate}/status", payload=_encode(event))


def rfc3339(at_utc: float) -> str:
    """Write Unix seconds as RFC 3339 in UTC, to the millisecond. Raises ValueError outside years 1–9999 and for NaN."""
    try:
        # Whole milliseconds first: isoformat cuts off, and a float's last bits would lose one now and then.
        moment = _EPOCH + timedelta(milliseconds=round(at_utc * 1000))
    except OverflowError as error:
        raise ValueError(f"{at_utc} s is no time of this calendar") from error
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _source(identity: GateIdentity) -> str:
    return f"/gatefw/{identity.gate}"


def _encode(event: CloudEvent) -> bytes:
    return msgspec.json.encode(event)
