"""One gate put together: settings and the ground it stands on in, a running gate out.

The *ground* is what differs between a Raspberry Pi and a simulation: clock, queue, camera, thermometer, pins, timers.
Everything else, and the order in which it starts and ends, is here once. Devices that can't be had at start are faults
of a gate that stays out of service, never a reason not to start; only broken settings stop a start.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gatefw.credentials.trust import TrustStore
from gatefw.daemon import Daemon, Devices, Known, Monitor, Turned
from gatefw.decision import gate
from gatefw.decision.fever import FeverRules
from gatefw.decision.presence import PresenceRules
from gatefw.decision.state import Rules
from gatefw.drivers.barrier import Barrier, BarrierLines, CallLater
from gatefw.drivers.indicator import Indicator, IndicatorLines
from gatefw.drivers.reader.reader import Reader
from gatefw.drivers.thermometer import Sampler, Thermometer
from gatefw.drivers.watchdog import Watchdog
from gatefw.errors import TrustError
from gatefw.model import (
    AccessEvent,
    Device,
    DeviceFailed,
    DeviceReady,
    EventKind,
    Input,
    Instant,
    Report,
)
from gatefw.ports import Clock, Inbox
from gatefw.settings import Settings
from gatefw.store import Drain, Recorder, Store, read_trust, site_secret
from gatefw.telemetry.link import USUAL_PACE, BrokerAddress, Link
from gatefw.telemetry.message import GateIdentity, event_data

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What a gate stands on. `pin_factory` is gpiozero's; `monotonic` is the same clock as `clock`'s `mono_s`."""

    clock: Clock
    inbox: Inbox
    monotonic: Callable[[], float]
    open_camera: Callable[[], Any]
    open_thermometer: Callable[[], Thermometer]
    pin_factory: Any
    call_later: CallLater
    watchdog: Watchdog


def rules_of(settings: Settings) -> Rules:
    """Turn settings into the rules of `decision`."""
    fever, presence, admission = settings.fever, settings.presence, settings.admission
    return Rules(
        fever=FeverRules(
            samples=fever.samples,
            settling_s=settings.thermometer.settling_s,
            noise_c=settings.thermometer.noise_c,
            max_tries=fever.max_tries,
            tries_window_s=fever.tries_window_s,
            remeasure_after_s=fever.remeasure_after_s,
            object_min_c=presence.object_min_c,
            object_max_c=presence.object_max_c,
            slope_limit_c_per_s=fever.slope_limit_c_per_s,
            ambient_drift_c_per_min=fever.ambient_drift_c_per_min,
            frozen_samples=fever.samples,
            frozen_s=fever.frozen_s,
            supply_v=fever.supply_v,
            device_offset_c=fever.device_offset_c,
            emissivity=fever.emissivity,
            c0_c=fever.c0_c,
            c1=fever.c1,
            u_c0_c=fever.u_c0_c,
            reference_ambient_c=fever.reference_ambient_c,
            correction_limit_c=fever.correction_limit_c,
            ambient_min_c=fever.ambient_min_c,
            ambient_max_c=fever.ambient_max_c,
            low_c=fever.low_c,
            limit_c=fever.limit_c,
        ),
        presence=PresenceRules(
            rise_k=presence.rise_k,
            object_min_c=presence.object_min_c,
            object_max_c=presence.object_max_c,
            gap_s=presence.gap_s,
        ),
        static_codes=settings.gate.static_codes,
        feedback_fitted=settings.barrier.feedback_pin is not None,
        join_s=admission.join_s,
        desk_s=admission.desk_s,
        advice_s=admission.retry_s,
        record_s=admission.record_s,
        hold_s=settings.barrier.hold_s,
        held_open_s=settings.barrier.held_open_s,
        passback_s=settings.passback.window_s,
    )


def identity_of(settings: Settings) -> GateIdentity:
    """Say who speaks in this gate's events."""
    place = settings.gate
    return GateIdentity(gate=place.id, venue=place.venue, area=place.area, point=place.point)


class Gate:
    """A gate that runs. `start_threads` gives each device its own thread (in lockstep the yard's clock drives them)."""

    def __init__(
        self, settings: Settings, ground: Ground, *, watch: Callable[[Turned], None] = lambda turned: None
    ) -> None:
        """Open everything. Raises StoreError, DeviceFault (lines) or TrustError (secret) when nothing could be safe."""
        self._settings = settings
        self._ground = ground
        self._stack = contextlib.ExitStack()
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
        encode = partial(event_data, identity)
        self.store = self._stack.enter_context(Store.open(Path(settings.store.path), encode))
        self.link = self._open_link(identity)
        self.recorder = Recorder(store=self.store, put=put, committed=self._wake_link)
        self._stack.callback(self.recorder.close)
        self.reader = open_reader(settings, ground)
        self._stack.callback(self.reader.close)
        self.sampler = open_sampler(settings, ground)
        self._stack.callback(self.sampler.close)
        trust, trust_fault = load_trust(Path(settings.trust.folder))
        self.daemon = self._begin(trust, watch)
        self._tell_unfinished()
        self.barrier.initial()
        put(DeviceReady(device=Device.BARRIER))
        if trust_fault is not None:
            put(trust_fault)

    def _open_link(self, identity: GateIdentity) -> Link | None:
        mqtt = self._settings.mqtt
        if not mqtt.host:
            return None
        link = Link(
            path=self.store.path,
            identity=identity,
            address=BrokerAddress(host=mqtt.host, port=mqtt.port),
            pace=replace(USUAL_PACE, keepalive_s=mqtt.keepalive_s),
        )
        self._stack.callback(link.close)
        return link

    def _wake_link(self) -> None:
        if self.link is not None:
            self.link.wake()

    def _begin(self, trust: TrustStore, watch: Callable[[Turned], None]) -> Daemon:
        settings, ground = self._settings, self._ground
        now = ground.clock.now()
        memory = self.store.memory(now.wall_utc - now.uncertainty_s)
        begin = gate.start(
            now,
            frozenset({Device.READER, Device.THERMOMETER, Device.BARRIER}),
            spent=memory.spent,
            passed=memory.passed,
            next_grant_id=memory.next_grant_id,
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
        secret = site_secret(Path(settings.passback.site_secret))
        known = Known(rules=rules_of(settings), trust=trust, site_secret=secret)
        return Daemon(devices=devices, known=known, begin=begin, watch=watch)

    def _tell_unfinished(self) -> None:
        """Grants that a power cut or a kill left open were not used, as far as anyone knows; their codes stay spent."""
        now = self._ground.clock.now()
        for grant in self.store.unfinished_grants():
            event = AccessEvent(kind=EventKind.NOT_USED, at=now, visit=grant.visit, grant_id=grant.grant_id)
            self.recorder.submit(Report(event=event))

    def start_threads(self) -> None:
        """Give camera and thermometer their threads, and say to the service manager that the gate serves."""
        self.reader.start()
        self.sampler.start()
        self._ground.watchdog.ready()

    def sent_keys(self) -> tuple[str, ...]:
        """Return the key (`{epoch}-{seq}`) of every event committed so far."""
        with Drain(self.store.path) as drain:
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


# ---------------------------------------------------------------- devices


def open_barrier(settings: Settings, ground: Ground) -> Barrier:
    """Claim the turnstile's lines first of all: until then nothing else matters."""
    pins = settings.barrier
    lines = BarrierLines(
        relay=pins.relay_pin,
        heartbeat=pins.heartbeat_pin,
        passage=pins.passage_pin,
        stop=pins.stop_pin,
        fire=pins.fire_pin,
        tamper=pins.tamper_pin,
        feedback=pins.feedback_pin,
        acknowledge=pins.acknowledge_pin,
    )
    return Barrier(
        pin_factory=ground.pin_factory,
        lines=lines,
        controller=pins.controller,
        put=ground.inbox.put,
        pulse_s=pins.pulse_s,
        call_later=ground.call_later,
    )


def open_indicator(settings: Settings, ground: Ground) -> Indicator:
    """Claim the lamps' lines."""
    pins = settings.indicator
    lines = IndicatorLines(
        red=pins.red_pin,
        ring=pins.ring_pin,
        green=pins.green_pin,
        hand=pins.hand_pin,
        side=pins.side_pin,
        exit=pins.exit_pin,
        buzzer=pins.buzzer_pin,
    )
    return Indicator(
        pin_factory=ground.pin_factory, lines=lines, kind=pins.kind, buzzer=pins.buzzer, volume=pins.volume
    )


def open_reader(settings: Settings, ground: Ground) -> Reader:
    """Make the reader; its worker starts with the first poll."""
    reader = settings.reader
    return Reader(
        open_camera=ground.open_camera,
        put=ground.inbox.put,
        zxing=reader.zxing,
        zbar=reader.zbar,
        stall_s=reader.stall_s,
        monotonic=ground.monotonic,
    )


def open_sampler(settings: Settings, ground: Ground) -> Sampler:
    """Make the thermometer's sampler; the sensor is opened with the first poll."""
    return Sampler(
        open_thermometer=ground.open_thermometer,
        put=ground.inbox.put,
        period_s=settings.thermometer.settling_s,
        monotonic=ground.monotonic,
    )


# ---------------------------------------------------------------- what no device enqueues by itself


def load_trust(folder: Path) -> tuple[TrustStore, DeviceFailed | None]:
    """Read the trust folder; a broken one trusts nobody and keeps the gate out of service."""
    try:
        return TrustStore.from_files(read_trust(folder)), None
    except TrustError as error:
        log.error("%s", error)
        return TrustStore.from_certificates({}), DeviceFailed(device=Device.TRUST, fault=error.code)


def watch_trust(trust: TrustStore) -> Monitor:
    """Notice when the lists of keys are no longer valid."""
    return noticing(lambda now: not trust.usable_at(now), Device.TRUST, "trust_expired")


def watch_sampler(sampler: Sampler) -> Monitor:
    """Notice when the thermometer's thread hangs on a stuck bus; the sampler enqueues that itself."""

    def monitor(now: Instant) -> None:
        sampler.check(now.mono_s)

    return monitor


def noticing(fails: Callable[[Instant], bool], device: Device, fault: str) -> Monitor:
    """Make a monitor that tells each change once."""
    failing = False

    def monitor(now: Instant) -> Input | None:
        nonlocal failing
        if fails(now) == failing:
            return None
        failing = not failing
        return DeviceFailed(device=device, fault=fault) if failing else DeviceReady(device=device)

    return monitor
