"""One gate put together: settings and the ground it stands on in, a running gate out.

The *ground* is what differs between a Raspberry Pi and a simulation: clock, queue, camera, thermometer, pins, timers.
Everything else, and the order in which it starts and ends, is here once. Devices, keys and a card that can't
be had at start are faults of a gate that stays out of service with its lamps lit; only broken settings, and lines that
can't be claimed, stop a start.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from gatefw.assembly.card import Card, blank_card, but_ready, open_card, open_real
from gatefw.assembly.devices import Ground, open_barrier, open_indicator, open_reader, open_sampler
from gatefw.assembly.monitors import load_trust, watch_sampler, watch_trust
from gatefw.assembly.rules import identity_of, rules_of
from gatefw.credentials.trust import TrustStore
from gatefw.daemon import Daemon, Devices, Known, Turned
from gatefw.decision import gate
from gatefw.errors import StoreError
from gatefw.model import AccessEvent, Device, DeviceFailed, DeviceReady, EventKind, Report
from gatefw.settings import Settings
from gatefw.store import AbsentStore, Drain, Recorder, Store
from gatefw.telemetry.link import CLOSED, USUAL_PACE, BrokerAddress, Link
from gatefw.telemetry.message import GateIdentity

__all__ = ["Gate", "Ground", "identity_of", "rules_of"]

log = logging.getLogger(__name__)


class Gate:
    """A gate that runs. `start_threads` gives each device its own thread (in lockstep the yard's clock drives them)."""

    def __init__(
        self, settings: Settings, ground: Ground, *, watch: Callable[[Turned], None] = lambda turned: None
    ) -> None:
        """Open everything. Raises DeviceFault when a line can't be claimed: then nothing could be safe."""
        self._settings = settings
        self._ground = ground
        self._stack = contextlib.ExitStack()
        self._link_fault: str | None = None
        self._end_loop: Callable[[], None] = lambda: None
        self.link: Link | None = None
        self.card_is_back = False
        """The card could not be had at start and can be now: this gate has ended its loop, to begin anew with it."""
        try:
            self._open(watch)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, watch: Callable[[Turned], None]) -> None:
        settings, ground = self._settings, self._ground
        put = ground.inbox.put
        identity = identity_of(settings)
        self.barrier = self._stack.enter_context(open_barrier(settings, ground))
        self.indicator = self._stack.enter_context(open_indicator(settings, ground))
        card, card_fault = self._have_card(identity)
        self.store = card.store
        self._stack.callback(self.store.close)
        self._stack.callback(self._close_link)
        tell = put if card_fault is None else but_ready(put)
        self.recorder = Recorder(store=self.store, put=tell, committed=self._wake_link)
        self._stack.callback(self.recorder.close)
        self.link = self._open_link(identity)
        self.reader = open_reader(settings, ground)
        self._stack.callback(self.reader.close)
        self.sampler = open_sampler(settings, ground)
        self._stack.callback(self.sampler.close)
        trust, trust_fault = load_trust(Path(settings.trust.folder))
        for fault in (card_fault, trust_fault):
            if fault is not None:
                put(fault)
        self.daemon = self._begin(card, trust, watch)
        self._end_loop = self.daemon.stop
        if self.card_is_back:  # so soon that there was no loop to end yet
            self._end_loop()
        self._tell_past(card)
        self.barrier.initial()
        put(DeviceReady(device=Device.BARRIER))

    def _have_card(self, identity: GateIdentity) -> tuple[Card, DeviceFailed | None]:
        now = self._ground.clock.now()
        open_now = partial(open_card, self._settings, identity, now.wall_utc - now.uncertainty_s)
        try:
            return open_now(), None
        except StoreError as error:
            log.error("%s", error)
            absent = AbsentStore(open_store=lambda: open_real(open_now), back=self._begin_anew)
            return blank_card(absent), DeviceFailed(device=Device.STORE, fault=error.code)

    def _begin_anew(self) -> None:
        log.warning("The card is back: the gate begins anew with what it remembers.")
        self.card_is_back = True
        self._end_loop()

    def _open_link(self, identity: GateIdentity) -> Link | None:
        mqtt = self._settings.mqtt
        if not mqtt.host or isinstance(self.store, AbsentStore):
            return None
        return Link(
            path=Path(self._settings.store.path),
            identity=identity,
            address=BrokerAddress(host=mqtt.host, port=mqtt.port),
            pace=replace(USUAL_PACE, keepalive_s=mqtt.keepalive_s),
            tell=self._tell_link,
        )

    def _close_link(self) -> None:
        if self.link is not None:
            self.link.close()

    def _tell_link(self, change: DeviceReady | DeviceFailed) -> None:
        """A broker out of reach is an event for ops, later; the gate serves on, and its rules never hear of it."""
        if isinstance(change, DeviceFailed):
            if change.fault == CLOSED:
                return
            self._link_fault = change.fault
        fault, kind = self._link_fault, EventKind.FAULT
        if isinstance(change, DeviceReady):
            self._link_fault, kind = None, EventKind.FAULT_ENDED
        if fault is not None:
            self._tell(AccessEvent(kind=kind, at=self._ground.clock.now(), device=Device.LINK, fault=fault))

    def _tell(self, event: AccessEvent) -> None:
        with contextlib.suppress(StoreError):  # the gate is closing
            self.recorder.submit(Report(event=event))

    def _wake_link(self) -> None:
        if self.link is not None:
            self.link.wake()

    def _begin(self, card: Card, trust: TrustStore, watch: Callable[[Turned], None]) -> Daemon:
        settings, ground = self._settings, self._ground
        now = ground.clock.now()
        begin = gate.start(
            now,
            frozenset({Device.READER, Device.THERMOMETER, Device.BARRIER}),
            spent=card.memory.spent,
            passed=card.memory.passed,
            next_grant_id=card.memory.next_grant_id,
        )
        devices = Devices(
            clock=ground.clock,
            inbox=ground.inbox,
            recorder=self.recorder,
            barrier=self.barrier,
            indicator=self.indicator,
            watchdog=ground.watchdog,
            monitors=(watch_trust(trust), watch_sampler(self.sampler)),
        )
        known = Known(rules=rules_of(settings), trust=trust, site_secret=card.site_secret)
        return Daemon(devices=devices, known=known, begin=begin, watch=watch)

    def _tell_past(self, card: Card) -> None:
        """Grants that a power cut or a kill left open were not used, as far as anyone knows; their codes stay spent."""
        now = self._ground.clock.now()
        for grant in card.unfinished:
            self._tell(AccessEvent(kind=EventKind.NOT_USED, at=now, visit=grant.visit, grant_id=grant.grant_id))
        if isinstance(card.store, Store) and card.store.quarantined:
            self._tell(AccessEvent(kind=EventKind.FAULT, at=now, device=Device.STORE, fault="store_quarantined"))

    def start_threads(self) -> None:
        """Give camera and thermometer their threads, and say to the service manager that the gate serves."""
        self.reader.start()
        self.sampler.start()
        self._ground.watchdog.ready()

    def sent_keys(self) -> tuple[str, ...]:
        """Return the key (`{epoch}-{seq}`) of every event committed so far."""
        with Drain(Path(self._settings.store.path)) as drain:
            return tuple(f"{drain.epoch}-{seq}" for seq in range(1, drain.last_seq() + 1))

    def close(self) -> None:
        """End everything in the reverse order; the barrier is withdrawn and its lines let go last."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
