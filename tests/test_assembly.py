"""Settings become rules, and a gate is put together from what is there: none of it needs a yard."""

import errno
import fcntl
import os
import time
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from gatefw import settings
from gatefw.assembly import Gate, Ground, identity_of, rules_of
from gatefw.assembly.card import but_ready
from gatefw.assembly.monitors import load_trust, watch_trust
from gatefw.credentials.trust import TrustStore
from gatefw.daemon import QueueInbox
from gatefw.drivers.watchdog import Watchdog
from gatefw.errors import DeviceFault, StoreError
from gatefw.model import (
    AccessEvent,
    CodeKey,
    Device,
    DeviceFailed,
    DeviceReady,
    EventKind,
    Instant,
    Record,
    Recorded,
    Report,
    Spent,
)
from gatefw.settings import Settings
from gatefw.simulation.issuer import FOREVER, Issuer, write_trust
from gatefw.simulation.rehearsal import settled_in
from gatefw.store import AbsentStore, Drain, Recorder, Store
from gatefw.telemetry.message import event_data

MAPPED: Final[dict[str, tuple[str, ...]]] = {
    "fever": settings.Fever.__struct_fields__,
    "presence": settings.Presence.__struct_fields__,
    "admission": settings.Admission.__struct_fields__,
    "thermometer": ("settling_s", "noise_c"),
    "barrier": ("hold_s", "held_open_s"),
    "passback": ("window_s",),
}
"""The settings that are rules; all others belong to a device, a file or a name."""

NOW: Final = Instant(mono_s=5.0, wall_utc=1_600_000_000.0, uncertainty_s=0.0, trusted=True)


def changed(section: str, **options: object) -> Settings:
    base = settings.defaults()
    return msgspec.structs.replace(base, **{section: msgspec.structs.replace(getattr(base, section), **options)})


def nudged(value: float) -> float:
    """A little different, and as possible as before."""
    if isinstance(value, int):
        return value + 1
    return value - 0.001 if value > 1 else value + 0.001


def leaves(value: Any, name: str = "") -> dict[str, object]:
    """Every number and word in nested rules, by its path."""
    if not is_dataclass(value):
        return {name: value}
    return {path: leaf for each in fields(value) for path, leaf in leaves(getattr(value, each.name), each.name).items()}


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(("section", "key"), [(section, key) for section, keys in MAPPED.items() for key in keys])
def test_each_setting_alone_changes_its_rule_and_no_other(section: str, key: str) -> None:
    value = nudged(getattr(getattr(settings.defaults(), section), key))
    before, after = leaves(rules_of(settings.defaults())), leaves(rules_of(changed(section, **{key: value})))
    differing = {name: after[name] for name in after if after[name] != before[name]}
    assert set(differing.values()) == {value}
    assert len(differing) == (2 if key == "samples" else 1)  # a measurement's length is also that of a frozen sensor's


def test_static_codes_and_a_fitted_feedback_are_rules_too() -> None:
    assert rules_of(changed("gate", static_codes="admit")).static_codes == "admit"
    assert rules_of(settings.defaults()).feedback_fitted
    assert not rules_of(changed("barrier", feedback_pin=None)).feedback_fitted


@pytest.mark.parametrize(("key", "name"), [("id", "gate"), ("venue", "venue"), ("area", "area"), ("point", "point")])
def test_each_name_stands_in_the_events(key: str, name: str) -> None:
    assert getattr(identity_of(changed("gate", **{key: "elsewhere"})), name) == "elsewhere"


# ---------------------------------------------------------------- what no device enqueues


def test_each_change_of_trust_is_told_once_and_by_its_right_name() -> None:
    trust = TrustStore(keys={}, valid_until_utc=NOW.wall_utc + 10)
    watch = watch_trust(trust)
    later = Instant(mono_s=20.0, wall_utc=NOW.wall_utc + 20, uncertainty_s=0.0, trusted=True)
    doubtful = Instant(mono_s=21.0, wall_utc=NOW.wall_utc, uncertainty_s=0.0, trusted=False)
    told = [watch(now) for now in (NOW, later, later, NOW, doubtful)]
    expired, ready = DeviceFailed(device=Device.TRUST, fault="trust_expired"), DeviceReady(device=Device.TRUST)
    assert told == [None, expired, None, ready, DeviceFailed(device=Device.TRUST, fault="time_untrusted")]


def test_a_trust_folder_that_can_t_be_read_trusts_nobody(tmp_path: Path) -> None:
    trust, fault = load_trust(tmp_path / "none")
    assert (trust.keys, fault) == ({}, DeviceFailed(device=Device.TRUST, fault="trust_missing"))


# ---------------------------------------------------------------- the whole


class StillClock:
    """A clock that stands."""

    def now(self) -> Instant:
        return NOW


def never(*_: object) -> Any:
    raise AssertionError("nobody polls here")


def ground() -> Ground:
    """Real lines of gpiozero's own mock; camera and thermometer are never asked."""
    return Ground(
        clock=StillClock(),
        inbox=QueueInbox(),
        monotonic=lambda: NOW.mono_s,
        open_camera=never,
        open_thermometer=never,
        pin_factory=MockFactory(pin_class=MockPWMPin),
        call_later=lambda delay_s, due: lambda: None,
        watchdog=Watchdog(notify=lambda state: None, interval_s=None),
    )


@pytest.fixture
def effective(tmp_path: Path) -> Settings:
    write_trust(tmp_path / "trust", [Issuer.jixiang(1)], FOREVER)
    return settled_in(settings.defaults(), tmp_path, "", 1883)


def open_store(effective: Settings) -> Store:
    return Store.open(Path(effective.store.path), partial(event_data, identity_of(effective)))


def kinds(effective: Settings) -> list[str]:
    with Drain(Path(effective.store.path)) as drain:
        return [row.kind for row in drain.unacked(0, 100)]


def event(kind: EventKind, grant_id: int | None = None) -> AccessEvent:
    return AccessEvent(kind=kind, at=NOW, visit=1, grant_id=grant_id)


def test_a_grant_that_a_power_cut_left_open_is_told_as_not_used_once(effective: Settings) -> None:
    spend = Spent(code=CodeKey(bytes(16)), until_utc=NOW.wall_utc + 60)
    with open_store(effective) as store:
        store.commit(Record(grant_id=7, event=event(EventKind.GRANTED, 7), spend=spend))
    for _ in range(2):
        with Gate(effective, ground()) as gate:
            assert gate.daemon.state.next_grant_id == 8
            assert gate.daemon.state.spent == (spend,)
    assert kinds(effective) == ["granted", "started", "not_used", "started"]


def test_a_line_that_can_t_be_claimed_stops_the_start_and_holds_nothing(effective: Settings) -> None:
    taken = ground()
    taken.pin_factory.pin(effective.indicator.green_pin)
    taken.pin_factory.reserve_pins(never, effective.indicator.green_pin)
    with pytest.raises(DeviceFault) as caught:
        Gate(effective, taken)
    assert caught.value.code == "gpio"
    with Gate(effective, ground()) as gate:
        assert not gate.card_is_back


def test_a_gate_lets_go_of_everything_when_it_is_closed_and_may_be_closed_twice(effective: Settings) -> None:
    same = ground()
    for _ in range(2):
        gate = Gate(effective, same)
        gate.close()
        gate.close()
    lock = os.open(f"{effective.store.path}.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


def test_a_second_gate_on_the_same_card_stands_closed(effective: Settings) -> None:
    with Gate(effective, ground()), Gate(effective, ground()) as second:
        assert isinstance(second.store, AbsentStore)
        second.daemon.turn()
        second.daemon.turn()
        assert "storage_locked" in {down.fault for down in second.daemon.state.down}


def test_a_damaged_card_that_can_t_be_set_aside_is_an_absent_one(
    effective: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> tuple[Path, ...]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    Path(effective.store.path).write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 16)
    monkeypatch.setattr("gatefw.store.opening._quarantine", refuse)
    with Gate(effective, ground()) as gate:
        assert isinstance(gate.store, AbsentStore)


def test_each_line_is_low_when_the_gate_has_ended(effective: Settings) -> None:
    here = ground()
    with Gate(effective, here) as gate:
        gate.barrier.release(1.0)
        relay = here.pin_factory.pin(effective.barrier.relay_pin)
        assert relay.state
    assert not relay.state


# ---------------------------------------------------------------- a card that is absent


def test_an_absent_card_keeps_nothing_until_it_can_be_opened_and_then_everything(effective: Settings) -> None:
    there: list[Store] = []
    calls: list[str] = []

    def open_it() -> Store:
        if not there:
            raise StoreError("storage_error", "There is no card.")
        return there[0]

    absent = AbsentStore(open_store=open_it, back=lambda: calls.append("back"))
    job = Report(event=event(EventKind.STARTED))
    for ask in (absent.probe, partial(absent.commit_all, [job])):
        with pytest.raises(StoreError):
            ask()
    absent.checkpoint()
    assert calls == []
    there.append(open_store(effective))
    assert absent.commit_all([job, job]) == [1, 2]
    absent.probe()
    absent.close()
    absent.close()
    open_store(effective).close()  # its lock is free again
    assert calls == ["back"]
    assert kinds(effective) == ["started", "started"]


def test_what_a_recorder_was_given_while_the_card_was_absent_is_committed_in_order(effective: Settings) -> None:
    inbox, tries = QueueInbox(), [StoreError("storage_error", "There is no card.")]

    def open_it() -> Store:
        if tries:
            raise tries.pop()
        return open_store(effective)

    absent = AbsentStore(open_store=open_it, back=lambda: None)
    recorder = Recorder(store=absent, put=but_ready(inbox.put))
    recorder.submit(Report(event=event(EventKind.STARTED)))
    assert inbox.get(time.monotonic() + 10.0) == DeviceFailed(device=Device.STORE, fault="storage_error")
    recorder.submit(Report(event=event(EventKind.FAULT)))
    assert recorder.close() == 0
    absent.close()
    assert kinds(effective) == ["started", "fault"]
    assert inbox.get(0.0) is None  # that it works again stays here: the gate begins anew instead


def test_only_readiness_is_held_back() -> None:
    kept: list[object] = []
    tell = but_ready(kept.append)
    failed = DeviceFailed(device=Device.STORE, fault="storage_error")
    for observation in (failed, DeviceReady(device=Device.STORE), Recorded(grant_id=1)):
        tell(observation)
    assert kept == [failed, Recorded(grant_id=1)]
