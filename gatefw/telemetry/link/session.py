"""One connection to the broker over paho, driven by the thread that owns it.

Rules of this file:
- No network thread: we call `loop_read`, `loop_write` and `loop_misc`, so paho's callbacks run here, only note
  what came, and nothing can die unseen.
- One paho client a connection: paho keeps unsent messages in memory only, ours are on the card.
- Progress decides whether a connection lives, not its socket.
"""

import logging
import select
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gatefw.errors import StoreError
from gatefw.telemetry.message import CONTENT_TYPE, GateIdentity, LinkState, Message, status_message
from gatefw.telemetry.outbox import Outbox
from gatefw.telemetry.pace import SESSION_EXPIRY_S, WILL_DELAY_S, Pace

IDLE_S: Final = 1.0
"""How long one round sleeps when nothing happens; a commit wakes it at once."""

GOODBYE_S: Final = 2.0
"""How long leaving may take after everything was sent: status `offline` and its acknowledgement."""

_log = logging.getLogger(__name__)


class LinkLostError(ConnectionError):
    """The connection is of no more use. `fault` is its stable name in events."""

    def __init__(self, fault: str, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerAddress:
    """Where the broker listens."""

    host: str
    port: int


class PackedProperties(Properties):
    """A publish's properties, packed once: paho packs them anew for every message, 25 µs each, a quarter of it all."""

    def __init__(self, content_type: str) -> None:
        properties = _properties(PacketTypes.PUBLISH)
        properties.ContentType = content_type
        # paho's own __setattr__ knows only the names of the standard.
        object.__setattr__(self, "packed", properties.pack())

    def pack(self) -> bytes:
        """The bytes as they go on the wire, their length first."""
        packed: bytes = object.__getattribute__(self, "packed")
        return packed

    def __str__(self) -> str:
        return f"[{self.pack()!r}]"


class Session:
    """One connection: CONNECT, status, publishes and their acknowledgements. Used by one thread."""

    def __init__(self, *, address: BrokerAddress, identity: GateIdentity, outbox: Outbox, pace: Pace) -> None:
        self._address = address
        self._identity = identity
        self._outbox = outbox
        self._pace = pace
        self._answers: deque[tuple[int, ReasonCode]] = deque()
        self._connack: ReasonCode | None = None
        self._receive_maximum = pace.window
        self._seqs: dict[int, int] = {}
        self._status_mids: set[int] = set()
        self._progress_s = time.monotonic()
        self._marked_s = time.monotonic()
        self._event_properties = PackedProperties(CONTENT_TYPE)

    def open(self, epoch: str, connection: int) -> None:
        """Connect, wait for the broker's yes, say `online`. Raises OSError, ValueError or LinkLostError."""
        self._epoch, self._connection = epoch, connection
        self._client = self._new_client()
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        # The session is kept (no clean start): ending it would set the last connection's will free at once.
        self._client.connect(
            self._address.host, self._address.port, self._pace.keepalive_s, clean_start=False, properties=properties
        )
        deadline_s = time.monotonic() + self._pace.progress_s
        while self._connack is None:
            if time.monotonic() > deadline_s:
                raise LinkLostError("link_stalled", "The broker takes the connection and says nothing.")
            self._serve(None, 0.2)
        if self._connack.is_failure:
            raise LinkLostError("link_refused", f"The broker refuses this gate: {self._connack}.")
        self._outbox.window = max(1, min(self._pace.window, self._receive_maximum))
        self._say(LinkState.ONLINE)
        self._progress_s = time.monotonic()

    def run(self, wake: socket.socket) -> None:
        """One round: send what fits, wait for the broker or a wake-up, note what came. Raises LinkLostError."""
        self._send()
        self._serve(wake, IDLE_S if not self._outbox.unmarked else self._pace.mark_every_s)
        self._note_answers()
        self._mark(self._pace.mark_every_s)
        self._check_progress()

    def leave(self) -> None:
        """Say `offline`, wait for its acknowledgement, disconnect in order (then the will is not sent)."""
        self._say(LinkState.OFFLINE)
        deadline_s = time.monotonic() + GOODBYE_S
        while self._status_mids and time.monotonic() < deadline_s:
            self._serve(None, 0.1)
            self._note_answers()
        self._client.disconnect()

    def drop(self) -> None:
        """Close the socket without a word: the broker then keeps the will for us. Safe to call at any time."""
        client = getattr(self, "_client", None)
        connected = client.socket() if client else None
        if client and connected:
            # paho closes its socket when it reads the end of it; a DISCONNECT would cancel the will.
            _shut(connected)
            client.loop_read()
        self._note_answers()
        self._mark(0.0)

    @property
    def is_idle(self) -> bool:
        """Nothing of ours waits for an answer."""
        return not self._seqs and not self._status_mids

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._identity.gate,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)  # the outbox counts
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        will = self._status(LinkState.LOST)
        properties = _properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = WILL_DELAY_S
        properties.ContentType = CONTENT_TYPE
        client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)
        return client

    def _on_connect(self, _c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, properties: Properties | None) -> None:
        self._connack = reason
        self._receive_maximum = getattr(properties, "ReceiveMaximum", self._pace.window)

    def _on_publish(self, _c: mqtt.Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties | None) -> None:
        self._answers.append((mid, reason))

    def _status(self, state: LinkState) -> Message:
        return status_message(self._identity, epoch=self._epoch, connection=self._connection, state=state)

    def _say(self, state: LinkState) -> None:
        message = self._status(state)
        info = self._client.publish(
            message.topic, message.payload, qos=1, retain=True, properties=self._event_properties
        )
        self._status_mids.add(info.mid)

    def _send(self) -> None:
        self._outbox.retry_held(time.monotonic())
        while (outgoing := self._outbox.take()) is not None:
            if not self._seqs:
                self._progress_s = time.monotonic()
            message = outgoing.message
            info = self._client.publish(message.topic, message.payload, qos=1, properties=self._event_properties)
            self._seqs[info.mid] = outgoing.seq

    def _serve(self, wake: socket.socket | None, wait_s: float) -> None:
        """Let paho read and write once, after at most `wait_s`."""
        connected: Any = self._client.socket()
        if connected is None:
            raise LinkLostError("link_down", "The broker closed the connection.")
        reads = [connected] if wake is None else [connected, wake]
        writes = [connected] if self._client.want_write() else []
        readable, writable, _ = select.select(reads, writes, [], wait_s)
        if wake is not None and wake in readable:
            empty(wake)
        results = [self._client.loop_read() if connected in readable else 0]
        results.append(self._client.loop_write() if connected in writable else 0)
        results.append(self._client.loop_misc())
        if any(results):
            raise LinkLostError("link_down", "The connection to the broker broke.")

    def _note_answers(self) -> None:
        while self._answers:
            mid, reason = self._answers.popleft()
            self._progress_s = time.monotonic()
            self._status_mids.discard(mid)
            seq = self._seqs.pop(mid, None)
            if seq is None:
                continue
            if reason.is_failure:
                self._deny(seq, reason)
            else:
                self._outbox.accepted(seq)

    def _deny(self, seq: int, reason: ReasonCode) -> None:
        if self._outbox.denied(seq, time.monotonic() + self._pace.denied_pause_s):
            _log.error("The broker denies event %d (%s): mend its access list. It is kept and sent again.", seq, reason)

    def _mark(self, every_s: float) -> None:
        if not self._outbox.unmarked or time.monotonic() - self._marked_s < every_s:
            return
        self._marked_s = time.monotonic()
        try:
            self._outbox.mark()
        except StoreError as error:
            # The recorder is committing, or the card is full: the marks wait, the line goes on.
            _log.info("Acknowledgements can't be marked yet: %s", error)

    def _check_progress(self) -> None:
        if not self.is_idle and time.monotonic() - self._progress_s > self._pace.progress_s:
            raise LinkLostError("link_stalled", f"No acknowledgement for {self._pace.progress_s:.0f} s.")


def _properties(packet_type: int) -> Any:
    return Properties(packet_type)  # type: ignore[no-untyped-call]  # paho leaves this one bare


def empty(wake: socket.socket) -> None:
    """Take all wake-ups out of a non-blocking socket."""
    try:
        while wake.recv(4096):
            pass
    except OSError:
        return  # nothing (more) to read


def _shut(connected: Any) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
