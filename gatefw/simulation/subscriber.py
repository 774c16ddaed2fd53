"""Ops' ears in the simulation: everything the gates publish, counted by key and by happening."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gatefw.errors import DeviceFault

TOPIC: Final = "gatefw/v1/+/event/#"
SUBSCRIBED_S: Final = 10.0
SESSION_EXPIRY_S: Final = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One message as it came: `key` is the CloudEvent's id, `happening` all of it but the key."""

    topic: str
    key: str
    happening: str
    event: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What came, against what was sent.

    `received` counts keys. `duplicates` are happenings that came under more than one key (a defect of the gate),
    `redelivered` repeats of a key (allowed by QoS 1), `missing` keys that were sent and never came.
    """

    received: int
    duplicates: int
    redelivered: int
    missing: int


Listen = Callable[[Heard], None]


def _nobody(_: Heard) -> None:
    """Tell nobody."""


class Subscriber:
    """Subscribes on entering (persistent session, so that a restart of the broker loses nothing it kept).

    `listen` is called for each message in paho's thread; it must only enqueue. `name` is its own at this broker:
    two of one name would throw each other out.
    """

    def __init__(
        self, host: str, port: int, *, topic: str = TOPIC, listen: Listen = _nobody, name: str = "ops"
    ) -> None:
        self._host, self._port, self._topic, self._listen = host, port, topic, listen
        self._changed = threading.Condition()
        self._heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        try:
            self._client.connect(self._host, self._port, clean_start=False, properties=properties)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise DeviceFault(
                "broker_missing", f"No broker at {self._host}:{self._port} ({why}): start one."
            ) from error
        self._client.loop_start()
        if not self._subscribed.wait(SUBSCRIBED_S):
            self.close()
            raise DeviceFault("broker_silent", f"{self._host}:{self._port} does not answer a subscription.")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker; safe to call twice."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def heard(self) -> list[Heard]:
        """All messages so far, in the order of their coming."""
        with self._changed:
            return list(self._heard)

    def wait_for(self, keys: int, within_s: float) -> bool:
        """Wait until so many different keys have come; False when `within_s` seconds were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: len({heard.key for heard in self._heard}) >= keys, within_s)

    def tally(self, sent: Iterable[str]) -> Tally:
        """Compare with the keys (`{epoch}-{seq}`) that the gate committed."""
        return tally(self.heard, sent)

    def _on_connect(self, client: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Properties | None) -> None:
        if not reason.is_failure:
            client.subscribe(self._topic, qos=1)

    def _on_subscribe(self, _c: mqtt.Client, _u: Any, _mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        if not any(reason.is_failure for reason in reasons):
            self._subscribed.set()

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        heard = _read(message.topic, message.payload)
        if heard is None:
            return  # what is no event of a gate stays missing in the tally
        with self._changed:
            self._heard.append(heard)
            self._changed.notify_all()
        self._listen(heard)


def tally(heard: Iterable[Heard], sent: Iterable[str]) -> Tally:
    """Count keys, repeats of a key, happenings under several keys, and sent keys that never came."""
    by_key = Counter(message.key for message in heard)
    happenings = Counter(happening for _, happening in {(message.key, message.happening) for message in heard})
    return Tally(
        received=len(by_key),
        duplicates=sum(happenings.values()) - len(happenings),
        redelivered=sum(by_key.values()) - len(by_key),
        missing=len(set(sent) - by_key.keys()),
    )


def _read(topic: str, payload: bytes | bytearray) -> Heard | None:
    try:
        event = json.loads(payload)
        key = str(event["id"])
    except (ValueError, KeyError, TypeError):
        return None
    rest = {name: value for name, value in event.items() if name != "id"}
    return Heard(topic=topic, key=key, happening=json.dumps(rest, sort_keys=True), event=event)
