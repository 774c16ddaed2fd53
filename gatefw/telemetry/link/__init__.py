"""The line to the broker: MQTT 5, one thread of its own, and nobody ever waits for it.

A broker that is dead, slow or refusing only lets rows pile up on the card; they go in order once it answers.
Receipts, commands and the gate's own certificate will stand beside `session`.
"""

import logging
import random
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatefw.errors import StoreError
from gatefw.model import Device, DeviceFailed, DeviceReady
from gatefw.store import Drain
from gatefw.telemetry.link.session import GOODBYE_S, BrokerAddress, LinkLostError, Session, empty
from gatefw.telemetry.message import GateIdentity
from gatefw.telemetry.outbox import Outbox
from gatefw.telemetry.pace import Backoff, Pace

__all__ = ["BrokerAddress", "Link", "LinkView"]

USUAL_PACE: Final = Pace()

CLOSED: Final = "link_closed"
"""Not a fault: the gate itself left."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkView:
    """The link at one moment: counts since the daemon's start, `fault` empty while connected."""

    connected: bool
    connection: int
    acked: int
    denied: int
    in_flight: int
    fault: str


Tell = Callable[[DeviceReady | DeviceFailed], None]


def _nobody(_: DeviceReady | DeviceFailed) -> None:
    """Tell nobody."""


class Link:
    """Drains the store at `path` to a broker from its own thread, for as long as it runs. Starts at once.

    `tell` gets DeviceReady and DeviceFailed of `Device.LINK` (`link_down`, `link_refused`, `link_stalled`,
    `link_store`) when the state changes; it must only enqueue.
    """

    def __init__(
        self,
        *,
        path: Path,
        identity: GateIdentity,
        address: BrokerAddress,
        pace: Pace = USUAL_PACE,
        tell: Tell = _nobody,
    ) -> None:
        self._identity, self._address, self._pace, self._tell = identity, address, pace, tell
        self._drain = Drain(path)
        self._outbox = Outbox(drain=self._drain, identity=identity, window=pace.window)
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._give_up_s: float | None = None
        self._connection = 0
        self._fault = "link_down"
        self._told: str | None = None
        self._thread = threading.Thread(target=self._work, name="link", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was committed: look now. Callable from any thread, returns at once."""
        try:
            self._wake_in.send(b"\0")
        except OSError:
            return  # full: the thread is awake anyway; closed: there is nothing to wake

    def view(self) -> LinkView:
        """How the link stands; callable from any thread."""
        return LinkView(
            connected=not self._fault,
            connection=self._connection,
            acked=self._outbox.acked_count,
            denied=self._outbox.denied_count,
            in_flight=self._outbox.in_flight,
            fault=self._fault,
        )

    def close(self, drain_s: float = 0.0) -> None:
        """Send what waits for at most `drain_s` seconds, say `offline`, end the thread; safe to call twice."""
        self._give_up_s = time.monotonic() + drain_s
        self.wake()
        self._thread.join(drain_s + GOODBYE_S + self._pace.progress_s)
        self._wake_in.close()

    def _work(self) -> None:
        backoff = Backoff(self._pace, random.SystemRandom().random)
        while not self._is_over():
            session = Session(address=self._address, identity=self._identity, outbox=self._outbox, pace=self._pace)
            self._attempt(session, backoff)
            session.drop()
            self._outbox.lost()
            self._pause(backoff.failed())
        self._drain.close()
        self._wake_out.close()

    def _attempt(self, session: Session, backoff: Backoff) -> None:
        try:
            self._serve(session, backoff)
        except LinkLostError as error:
            self._state(error.fault, str(error))
        except StoreError as error:
            self._state("link_store", str(error))
        except (OSError, ValueError) as error:
            self._state("link_down", f"No connection to {self._address.host}:{self._address.port}: {error}.")
        except Exception:  # noqa: BLE001  # whatever a broker's bytes do inside paho costs one connection, not the link
            _log.exception("The link's connection failed unexpectedly.")
            self._state("link_down", "A new connection is made.")

    def _serve(self, session: Session, backoff: Backoff) -> None:
        self._connection = self._drain.next_connection()
        session.open(self._drain.epoch, self._connection)
        self._state("", "")
        while not self._may_leave(session):
            acked = self._outbox.acked_count
            session.run(self._wake_out)
            if self._outbox.acked_count > acked:
                backoff.worked()
        session.leave()
        self._state(CLOSED, "Left the broker.")

    def _may_leave(self, session: Session) -> bool:
        if self._give_up_s is None:
            return False
        return time.monotonic() >= self._give_up_s or (session.is_idle and self._is_over())

    def _is_over(self) -> bool:
        if self._give_up_s is None:
            return False
        if time.monotonic() >= self._give_up_s:
            return True
        try:
            return self._outbox.is_empty()
        except StoreError:
            return True

    def _pause(self, wait_s: float) -> None:
        """Wait before the next try; only closing cuts it short, commits don't."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not self._is_over():
            if self._give_up_s is not None:
                left_s = min(left_s, max(0.0, self._give_up_s - time.monotonic()))
            select.select([self._wake_out], [], [], left_s)
            empty(self._wake_out)

    def _state(self, fault: str, sentence: str) -> None:
        self._fault = fault
        if fault == self._told:
            return
        self._told = fault
        if fault:
            _log.log(logging.INFO if fault == CLOSED else logging.WARNING, "%s", sentence)
            self._tell(DeviceFailed(device=Device.LINK, fault=fault))
        else:
            _log.info("Connected to %s:%d.", self._address.host, self._address.port)
            self._tell(DeviceReady(device=Device.LINK))
