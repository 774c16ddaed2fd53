"""What no device enqueues by itself: keys that can't be read or run out, a thermometer's thread that hangs."""

import logging
from collections.abc import Callable
from pathlib import Path

from gatefw.credentials.trust import TrustStore
from gatefw.daemon import Monitor
from gatefw.drivers.thermometer import Sampler
from gatefw.errors import TrustError
from gatefw.model import (
    Device,
    DeviceFailed,
    DeviceReady,
    Input,
    Instant,
)
from gatefw.store import read_trust

log = logging.getLogger(__name__)


def load_trust(folder: Path) -> tuple[TrustStore, DeviceFailed | None]:
    """Read the trust folder; a broken one trusts nobody and keeps the gate out of service."""
    try:
        return TrustStore.from_files(read_trust(folder)), None
    except TrustError as error:
        log.error("%s", error)
        return TrustStore.from_certificates({}), DeviceFailed(device=Device.TRUST, fault=error.code)


def watch_trust(trust: TrustStore) -> Monitor:
    """Notice when the lists of keys are no longer valid, or nobody can tell in a time that nothing vouches for."""

    def fault_at(now: Instant) -> str | None:
        if trust.usable_at(now):
            return None
        return "trust_expired" if now.trusted else "time_untrusted"

    return noticing(fault_at, Device.TRUST)


def watch_sampler(sampler: Sampler) -> Monitor:
    """Notice when the thermometer's thread hangs on a stuck bus; the sampler enqueues that itself."""

    def monitor(now: Instant) -> None:
        sampler.check(now.mono_s)

    return monitor


def noticing(fault_at: Callable[[Instant], str | None], device: Device) -> Monitor:
    """Make a monitor that tells each change once."""
    told: str | None = None

    def monitor(now: Instant) -> Input | None:
        nonlocal told
        fault = fault_at(now)
        if fault == told:
            return None
        told = fault
        return DeviceReady(device=device) if fault is None else DeviceFailed(device=device, fault=fault)

    return monitor
