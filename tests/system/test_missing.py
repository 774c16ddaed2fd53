"""Something that a gate needs is missing or goes away: a named fault, a closed lane, nobody admitted, and back again.

The whole gate on a simulated yard, in lockstep. A visitor with a green code and a normal temperature stands there all
the time, so that anything that could open would open.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from gatefw import settings
from gatefw.__main__ import main
from gatefw.assembly import Gate, Ground
from gatefw.daemon import Turned
from gatefw.drivers.reader.camera import open_picamera2
from gatefw.drivers.thermometer import Thermometer, open_bus
from gatefw.model import Signal
from gatefw.settings import Settings, Store
from gatefw.simulation.broker import Broker
from gatefw.simulation.issuer import Issuer, write_trust
from gatefw.simulation.lockstep import LockstepInbox, VirtualClock
from gatefw.simulation.rehearsal import VIRTUAL_START_UTC, Play, ground_on, settled_in, yard_config
from gatefw.simulation.report import Switch
from gatefw.simulation.visitors import Code, Order, VisitorPlan
from gatefw.simulation.yardlink import YardProcess, start_yard
from gatefw.simulation.yardwords import Mode
from gatefw.store import Drain

NOWHERE: Final = Path("/nowhere/at/all")
VISITORS: Final = tuple(
    VisitorPlan(number=n, kind="green", expected="admitted", code=Code.GREEN, order=Order.WITH_FACE, gap_s=1.0)
    for n in (1, 2, 3, 4)
)
LONG_S: Final = 60.0
REAL_S: Final = 15.0

Change = Callable[[Ground], Ground]


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A gate, its yard, and everything that it went through."""

    gate: Gate
    yard: YardProcess
    clock: VirtualClock
    settings: Settings
    seen: list[Turned]

    def run(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        end_s = self.clock.mono_s + seconds
        while self.clock.mono_s < end_s:
            self.gate.daemon.turn()

    def run_until(self, reached: Callable[[], bool], within_s: float = LONG_S) -> None:
        end_s = self.clock.mono_s + within_s
        while not reached():
            assert self.clock.mono_s < end_s, f"still {self.sign} with {self.gate.daemon.state.down}"
            self.gate.daemon.turn()

    @property
    def sign(self) -> Signal:
        return self.gate.daemon.state.signal

    @property
    def closed(self) -> bool:
        return self.sign is Signal.OUT_OF_SERVICE

    @property
    def passages(self) -> int:
        return len(self.yard.report().passages)

    def bar_lit(self) -> bool:
        """The lamps as they are seen: the red bar alone."""
        return self.yard.report().lamps[-1].lamps == (("red", 1.0),)

    def stays_closed(self, seconds: float = 6.0) -> None:
        """Whoever stands there, nothing opens."""
        before = self.yard.report()
        self.run(seconds)
        after = self.yard.report()
        assert self.closed
        assert self.bar_lit()
        assert (after.relay_line, len(after.passages)) == (before.relay_line, len(before.passages))

    def admits(self) -> None:
        """The gate serves: somebody gets through."""
        before = self.passages
        self.run_until(lambda: self.passages > before, 2 * LONG_S)
        self.run_until(lambda: self.sign is Signal.READY)


def told(path: Path) -> list[tuple[str, str | None, str | None]]:
    """Every event on the card: kind, device, fault."""
    with Drain(path) as drain:
        rows = drain.unacked(0, 1000)
    data: list[dict[str, Any]] = [json.loads(row.data) for row in rows]
    return [(row.kind, each.get("device"), each.get("fault")) for row, each in zip(rows, data, strict=True)]


def faults(path: Path) -> list[tuple[str, str | None, str | None]]:
    return [event for event in told(path) if event[0].startswith("fault")]


def wait_until(reached: Callable[[], bool]) -> None:
    """For what happens in real time, in another thread or process."""
    deadline_s = time.monotonic() + REAL_S
    while not reached():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.02)


@contextlib.contextmanager
def lane(
    folder: Path,
    *,
    plans: tuple[VisitorPlan, ...] = VISITORS,
    change: Change = lambda ground: ground,
    base: Settings | None = None,
    broker: Broker | None = None,
    trust: bool = True,
    valid_until: datetime = datetime(2100, 1, 1, tzinfo=UTC),
) -> Iterator[Lane]:
    """Put a gate up with its files in `folder`."""
    base = settings.defaults() if base is None else base
    play = Play(plans=plans, seed=1, settings=base)
    if trust:
        write_trust(folder / "trust", (Issuer.jixiang(1), Issuer.hcert(1)), valid_until)
    host, port = ("", 1883) if broker is None else (broker.host, broker.port)
    effective = settled_in(base, folder, host, port)
    effective = msgspec.structs.replace(effective, store=Store(path=str(folder / "card" / "gate.db")))
    clock, seen = VirtualClock(VIRTUAL_START_UTC), list[Turned]()
    with start_yard(yard_config(play, Mode.LOCKSTEP, starts_utc=VIRTUAL_START_UTC, starts_s=0.0)) as yard:
        pins = yard.pins()

        def advance(until_s: float) -> float:
            clock.mono_s, edges = yard.advance(until_s)
            pins.deliver(edges)
            return clock.mono_s

        inbox = LockstepInbox(clock=clock, advance=advance)
        with Gate(effective, change(ground_on(yard, pins, play, clock, inbox)), watch=seen.append) as gate:
            inbox.busy = lambda: gate.recorder.pending > 0
            inbox.every(1.0 / base.reader.fps, gate.reader.poll)
            inbox.every(base.thermometer.settling_s, gate.sampler.poll)
            yield Lane(gate=gate, yard=yard, clock=clock, settings=effective, seen=seen)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card").mkdir()
    return tmp_path


def card(folder: Path) -> Path:
    return folder / "card" / "gate.db"


# ---------------------------------------------------------------- camera


def test_without_picamera2_the_lane_is_closed_and_says_why(folder: Path) -> None:
    def no_camera(ground: Ground) -> Ground:
        opening = partial(open_picamera2, camera=0, width_px=640, height_px=480, fps=10.0)
        return replace(ground, open_camera=opening)

    with lane(folder, change=no_camera) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
    assert faults(card(folder)) == [("fault", "reader", "camera_missing")]


def test_a_camera_that_comes_later_is_taken_into_use(folder: Path) -> None:
    door, real = folder / "camera", list[str]()

    def later(ground: Ground) -> Ground:
        opening = ground.open_camera
        assert isinstance(opening, partial)
        real.append(opening.keywords["address"])
        return replace(ground, open_camera=partial(opening, address=str(door)))

    with lane(folder, change=later) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
        door.symlink_to(real[0])
        gate.admits()
    assert faults(card(folder)) == [("fault", "reader", "camera_missing"), ("fault_ended", "reader", "camera_missing")]


def test_a_camera_that_stalls_closes_the_lane_until_frames_come_again(folder: Path) -> None:
    slow = msgspec.structs.replace(settings.defaults(), reader=settings.Reader(fps=4, stall_s=1.0))
    with lane(folder, base=slow) as gate:
        gate.admits()
        gate.yard.switch(Switch.CAMERA_STALL, on=True)
        gate.run_until(lambda: gate.closed)
        gate.stays_closed(2.0)
        gate.yard.switch(Switch.CAMERA_STALL, on=False)
        gate.admits()
    assert faults(card(folder))[:2] == [("fault", "reader", "camera_stall"), ("fault_ended", "reader", "camera_stall")]


def test_a_reader_that_dies_is_replaced(folder: Path) -> None:
    with lane(folder) as gate:
        gate.admits()
        worker = gate.gate.reader.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        gate.run_until(lambda: gate.closed)
        gate.admits()
    assert faults(card(folder)) == [("fault", "reader", "decoder_crash"), ("fault_ended", "reader", "decoder_crash")]


# ---------------------------------------------------------------- thermometer


class Part:
    """A thermometer that can be taken away: then a bus is opened that no machine has."""

    def __init__(self, *, there: bool) -> None:
        self.there = there

    def change(self, ground: Ground) -> Ground:
        fitted = ground.open_thermometer

        def open_it() -> Thermometer:
            return fitted() if self.there else Thermometer(open_bus(21), pause=lambda seconds: None)

        return replace(ground, open_thermometer=open_it)


def test_a_sensor_missing_at_start_closes_the_lane_until_it_is_there(folder: Path) -> None:
    part = Part(there=False)
    with lane(folder, change=part.change) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
        part.there = True
        gate.admits()
    named = {fault for kind, device, fault in faults(card(folder)) if (kind, device) == ("fault", "thermometer")}
    assert len(named) == 1
    assert ("fault_ended", "thermometer", *named) in faults(card(folder))


def test_a_sensor_that_fails_before_a_visitor_sends_them_to_staff_and_closes_the_lane(folder: Path) -> None:
    plans = (replace(VISITORS[0], kind="sensor_fault", sensor_fault="nak"), *VISITORS[1:])
    with lane(folder, plans=plans) as gate:
        gate.run_until(lambda: gate.sign is Signal.DESK)
        assert gate.passages == 0
        gate.admits()
    events = told(card(folder))
    assert ("fault", "thermometer", "i2c_nak") in events
    assert ("fault_ended", "thermometer", "i2c_nak") in events
    assert [kind for kind, _, _ in events].index("assist") < [kind for kind, _, _ in events].index("granted")


# ---------------------------------------------------------------- broker


def test_nobody_waits_for_a_broker_that_comes_late_and_goes_again(folder: Path) -> None:
    with Broker() as broker:
        broker.kill()
        with lane(folder, broker=broker) as gate:
            link = gate.gate.link
            assert link is not None
            gate.admits()
            wait_until(lambda: ("fault", "link", "link_down") in told(card(folder)))
            broker.start()
            wait_until(lambda: link.view().connected and not unacked(card(folder)))
            broker.kill()
            gate.admits()
            wait_until(lambda: not link.view().connected)
            broker.start()
            wait_until(lambda: link.view().connected and not unacked(card(folder)))
            assert Signal.OUT_OF_SERVICE not in {turned.state.signal for turned in gate.seen}
            assert gate.passages >= 2


def unacked(path: Path) -> int:
    with Drain(path) as drain:
        return drain.unacked_count()


# ---------------------------------------------------------------- card


def test_a_card_that_is_not_there_closes_the_lane_with_its_lamps_lit_and_keeps_what_happened(folder: Path) -> None:
    (folder / "card").rmdir()
    (folder / "card").write_text("where the folder of the store should be", encoding="utf-8")
    with lane(folder) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
        (folder / "card").unlink()
        (folder / "card").mkdir()
        wait_until(lambda: gate.gate.card_is_back)
        gate.run(1.0)
        assert gate.closed  # it doesn't know whose codes are spent: it ends, and begins anew
    assert told(card(folder)) == [("started", None, None), ("fault", "store", "storage_error")]
    with lane(folder) as gate:
        gate.admits()


def test_the_loop_ends_by_itself_once_a_missing_card_is_there(folder: Path) -> None:
    (folder / "card").rmdir()
    with lane(folder) as gate:
        gate.run_until(lambda: gate.closed)
        (folder / "card").mkdir()
        gate.gate.daemon.run()
        assert gate.gate.card_is_back
        assert gate.yard.report().relay_line == ()


def test_a_secret_that_others_can_read_closes_the_lane_until_it_is_put_right(folder: Path) -> None:
    secret = folder / "site.secret"
    secret.write_bytes(bytes(32))
    secret.chmod(0o644)
    with lane(folder) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
        secret.chmod(0o600)
        wait_until(lambda: gate.gate.card_is_back)
    assert faults(card(folder)) == [("fault", "store", "secret_exposed")]


def test_a_card_that_fills_up_closes_the_lane_and_loses_no_event(folder: Path) -> None:
    with lane(folder) as gate:
        gate.admits()
        log = card(folder).with_name("gate.db-wal")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, limits[1]))
        try:
            gate.run_until(lambda: gate.closed)
            gate.stays_closed()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        wait_until(lambda: gate.gate.recorder.kept == 0)
        gate.admits()
    assert [event for event in faults(card(folder)) if event[1] == "store"] == [
        ("fault", "store", "storage_error"),
        ("fault_ended", "store", "storage_error"),
    ]
    kinds = [kind for kind, _, _ in told(card(folder))]
    assert kinds.count("granted") == kinds.count("passed") + kinds.count("not_used") >= 2


def test_a_damaged_store_is_set_aside_and_ops_are_told(folder: Path) -> None:
    card(folder).write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 16)
    with lane(folder) as gate:
        gate.admits()
    assert faults(card(folder)) == [("fault", "store", "store_quarantined")]
    assert (folder / "card" / "gate.db.damaged-1").exists()


# ---------------------------------------------------------------- trust


def test_without_a_trust_folder_the_lane_is_closed(folder: Path) -> None:
    with lane(folder, trust=False) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
    assert faults(card(folder)) == [("fault", "trust", "trust_missing")]


def test_a_trust_folder_with_a_broken_policy_closes_the_lane(folder: Path) -> None:
    write_trust(folder / "trust", (Issuer.jixiang(1),))
    (folder / "trust" / "policy.toml").write_bytes(b"\xff\x00 = nonsense")
    with lane(folder, trust=False) as gate:
        gate.run_until(lambda: gate.closed)
        gate.stays_closed()
    ((kind, device, fault),) = faults(card(folder))
    assert (kind, device) == ("fault", "trust")
    assert fault is not None
    assert fault != "trust_missing"


def test_trust_that_runs_out_closes_the_lane_from_that_moment(folder: Path) -> None:
    ends = datetime.fromtimestamp(VIRTUAL_START_UTC + 40.0, UTC)
    with lane(folder, valid_until=ends) as gate:
        gate.admits()
        gate.run_until(lambda: gate.closed)
        assert gate.clock.mono_s == pytest.approx(40.0, abs=1.0)
        gate.stays_closed()
    assert ("fault", "trust", "trust_expired") in faults(card(folder))


# ---------------------------------------------------------------- the program itself


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    """GPIO lines and nothing else: no camera, no I2C bus. What `gatefw run` sets for its process is put back."""
    factory = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr("gatefw.drivers.barrier.make_pin_factory", lambda name: factory)
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    level = logging.getLogger().level
    yield factory
    logging.getLogger().setLevel(level)
    for number, handler in kept.items():
        signal.signal(number, handler)


def config_of(folder: Path) -> Path:
    file = folder / "gate.toml"
    file.write_text(
        f'[store]\npath = "{card(folder)}"\n[passback]\nsite_secret = "{folder}/site.secret"\n'
        f'[trust]\nfolder = "{folder}/trust"\n[thermometer]\nbus = 21\n',
        encoding="utf-8",
    )
    return file


def red_is_lit(factory: MockFactory) -> bool:
    return bool(factory.pin(settings.defaults().indicator.red_pin).state)


def test_a_gate_with_nothing_at_all_lights_its_bar_and_starts_anew_once_the_card_is_there(
    folder: Path, bare_machine: MockFactory
) -> None:
    (folder / "card").rmdir()
    lit: list[bool] = []

    def bring_the_card() -> None:
        wait_until(lambda: red_is_lit(bare_machine))
        lit.append(True)
        (folder / "card").mkdir()

    helper = threading.Thread(target=bring_the_card)
    helper.start()
    code = main(["run", "--config", str(config_of(folder))])
    helper.join()
    assert (code, lit) == (os.EX_TEMPFAIL, [True])
    assert {fault for _, _, fault in faults(card(folder))} >= {"storage_error", "trust_missing"}
    assert not bare_machine.pin(settings.defaults().barrier.relay_pin).state


def test_a_gate_that_is_asked_to_stop_ends_well(folder: Path, bare_machine: MockFactory) -> None:
    def ask_to_stop() -> None:
        wait_until(lambda: red_is_lit(bare_machine))
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=ask_to_stop)
    helper.start()
    code = main(["run", "--config", str(config_of(folder))])
    helper.join()
    assert code == os.EX_OK
    assert not red_is_lit(bare_machine)
    assert next(kind for kind, _, _ in told(card(folder))) == "started"
