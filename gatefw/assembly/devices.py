"""The ground that a gate stands on, and its devices opened there by their settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatefw.drivers.barrier import Barrier, BarrierLines, CallLater
from gatefw.drivers.indicator import Indicator, IndicatorLines
from gatefw.drivers.reader.reader import Reader
from gatefw.drivers.thermometer import Sampler, Thermometer
from gatefw.drivers.watchdog import Watchdog
from gatefw.ports import Clock, Inbox
from gatefw.settings import Settings


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
