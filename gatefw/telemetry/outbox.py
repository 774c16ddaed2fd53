"""What is on its way to the broker: rows in order, a bounded window, and only real acknowledgements count.

Knows no MQTT and reads no clock. A row is read, sent, and then acknowledged (marked), denied (held back for a
pause, whatever becomes of the connection) or lost with its connection (sent again under the same key).
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from gatefw.store import Drain, Row
from gatefw.telemetry.message import GateIdentity, Message, event_message

READ_ROWS: Final = 200

HELD_LIMIT: Final = 1000
"""With so many events denied, sending stops for the pause: the list of them must not grow without end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One event ready to be sent."""

    seq: int
    message: Message


class Outbox:
    """The rows between the store and the broker; `window` is how many may be in flight."""

    def __init__(self, *, drain: Drain, identity: GateIdentity, window: int) -> None:
        self._drain = drain
        self._identity = identity
        self.window = window
        self._rows: deque[Row] = deque()
        self._after_seq = 0
        self._in_flight: set[int] = set()
        self._unmarked: set[int] = set()
        self._held: set[int] = set()
        self._held_until_s = 0.0
        self._denied_in_a_row = 0
        self.acked_count = 0
        self.denied_count = 0

    @property
    def in_flight(self) -> int:
        """Events sent and not answered yet."""
        return len(self._in_flight)

    @property
    def unmarked(self) -> int:
        """Events acknowledged and not yet marked on the card."""
        return len(self._unmarked)

    @property
    def refused(self) -> bool:
        """A whole window was denied without one acceptance, or too many are held: stop until `retry_held`."""
        return self._denied_in_a_row >= self.window or len(self._held) >= HELD_LIMIT

    def take(self) -> Outgoing | None:
        """The next event to send, which is then in flight; None when the window is full or nothing waits."""
        if len(self._in_flight) >= self.window or self.refused:
            return None
        row = self._next_row()
        if row is None:
            return None
        self._in_flight.add(row.seq)
        return Outgoing(seq=row.seq, message=self._message(row))

    def accepted(self, seq: int) -> None:
        """The broker took this event."""
        self._in_flight.discard(seq)
        self._unmarked.add(seq)
        self._denied_in_a_row = 0
        self.acked_count += 1

    def denied(self, seq: int, retry_s: float) -> bool:
        """The broker refused this event: hold it until `retry_s` (monotonic). True for the first one held."""
        self._in_flight.discard(seq)
        first = not self._held
        if first:
            self._held_until_s = retry_s
        self._held.add(seq)
        self._denied_in_a_row += 1
        self.denied_count += 1
        return first

    def retry_held(self, now_s: float) -> None:
        """Once the pause is over, let the denied events go again."""
        if self._held and now_s >= self._held_until_s:
            self._held.clear()
            self._denied_in_a_row = 0
            self._rewind()

    def mark(self) -> None:
        """Write the acknowledgements down; on StoreError they are kept for the next call."""
        if self._unmarked:
            self._drain.acked(tuple(self._unmarked))
            self._unmarked.clear()

    def lost(self) -> None:
        """The connection is gone, and with it what was in flight: all of it goes again."""
        self._in_flight.clear()
        self._rewind()

    def is_empty(self) -> bool:
        """Whether every committed event was taken by a broker and marked so."""
        if self._in_flight:
            return False
        self.mark()
        return not self._drain.unacked(0, 1)

    def _rewind(self) -> None:
        self._rows.clear()
        self._after_seq = 0

    def _next_row(self) -> Row | None:
        while True:
            if not self._rows:
                self._rows.extend(self._drain.unacked(self._after_seq, READ_ROWS))
            if not self._rows:
                return None
            row = self._rows.popleft()
            self._after_seq = row.seq
            if not any(row.seq in known for known in (self._in_flight, self._unmarked, self._held)):
                return row

    def _message(self, row: Row) -> Message:
        return event_message(
            self._identity, epoch=self._drain.epoch, seq=row.seq, kind=row.kind, at_utc=row.at_utc, data=row.data
        )
