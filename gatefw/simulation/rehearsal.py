"""A rehearsal: the real gate before simulated visitors, in virtual time or live, with a real broker.

Everything from the camera's frame to the relay's line and to the broker is the gate's own; the yard (a process of its
own) is the physical world. What became of each visitor is told from outside: by the yard and by the events at the
broker.
"""

import contextlib
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import msgspec

from gatefw.assembly import Gate, Ground
from gatefw.daemon import QueueInbox, Turned
from gatefw.decision.state import Phase
from gatefw.drivers.barrier import start_timer
from gatefw.drivers.thermometer import Thermometer
from gatefw.drivers.watchdog import Watchdog
from gatefw.errors import DeviceFault
from gatefw.model import Instant
from gatefw.settings import Mqtt, Passback, Settings, Store, Trust
from gatefw.simulation.broker import Broker
from gatefw.simulation.camera import open_simulated
from gatefw.simulation.issuer import Issuer, write_trust
from gatefw.simulation.lockstep import CLOCK_ERROR_S, LockstepInbox, VirtualClock
from gatefw.simulation.mlx90614 import Senses, simulated_bus
from gatefw.simulation.pins import YardFactory
from gatefw.simulation.report import Happening, Report, Switch
from gatefw.simulation.subscriber import Heard, Subscriber
from gatefw.simulation.turnstile import Controller
from gatefw.simulation.visitors import VisitorPlan
from gatefw.simulation.wiring import Wiring
from gatefw.simulation.yardlink import PinsLink, YardProcess, start_yard
from gatefw.simulation.yardwords import Mode, YardConfig

VIRTUAL_START_UTC: Final = 1_584_230_400.0
"""15 March 2020 00:00 UTC, the day on which the system that this gate was asked for went into use."""

QUIET_S: Final = 2.0
"""How long the lane stands empty after the last visitor before a rehearsal ends."""

LONGEST_VISIT_S: Final = 60.0
DRAIN_S: Final = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Play:
    """What is to be rehearsed. `settings` are the gate's own; paths and broker in them are replaced."""

    plans: tuple[VisitorPlan, ...]
    seed: int
    settings: Settings
    happenings: tuple[Happening, ...] = ()
    blank_frames: bool = False
    ambient_c: float = 22.0


@dataclass(kw_only=True, slots=True)
class Ledger:
    """What the gate itself did, step by step: its releases and how long each took from its frame."""

    releases: list[tuple[float, float | None]] = field(default_factory=list)

    def watch(self, turned: Turned) -> None:
        """Keep what a step shows."""
        if turned.latency_s is not None:
            self.releases.append((turned.now.mono_s, turned.latency_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of it: the yard's report, the events at the broker, and the keys that the gate committed."""

    report: Report
    heard: tuple[Heard, ...]
    sent: tuple[str, ...]
    releases: tuple[tuple[float, float | None], ...]
    starts_utc: float


def wall_utc() -> float:
    """Read the machine's wall clock, Unix seconds."""
    return time.clock_gettime(time.CLOCK_REALTIME)


class LiveClock:
    """The machine's clocks, taken as trusted: a demo's machine may not run NTP."""

    def now(self) -> Instant:
        """Read both clocks."""
        return Instant(mono_s=time.monotonic(), wall_utc=wall_utc(), uncertainty_s=CLOCK_ERROR_S, trusted=True)


def wiring_of(settings: Settings) -> Wiring:
    """Wire the yard as the settings say."""
    barrier, indicator = settings.barrier, settings.indicator
    return Wiring(
        relay=barrier.relay_pin,
        heartbeat=barrier.heartbeat_pin,
        stop=barrier.stop_pin,
        passage=barrier.passage_pin,
        fire=barrier.fire_pin,
        tamper=barrier.tamper_pin,
        feedback=barrier.feedback_pin,
        acknowledge=barrier.acknowledge_pin,
        red=indicator.red_pin,
        ring=indicator.ring_pin,
        hand=indicator.hand_pin,
        side=indicator.side_pin,
        green=indicator.green_pin,
        buzzer=indicator.buzzer_pin,
        exit=indicator.exit_pin,
    )


def yard_config(play: Play, mode: Mode, *, starts_utc: float, starts_s: float) -> YardConfig:
    """Set the yard up for a play."""
    reader = play.settings.reader
    blank = (Happening(after_s=0.0, switch=Switch.BLANK_FRAMES, on=True),) if play.blank_frames else ()
    return YardConfig(
        mode=mode,
        plans=play.plans,
        starts_utc=starts_utc,
        starts_s=starts_s,
        seed=play.seed,
        issuer_seed=play.seed,
        wiring=wiring_of(play.settings),
        controller=Controller(play.settings.barrier.controller),
        width_px=reader.width_px,
        height_px=reader.height_px,
        fps=float(reader.fps),
        ambient_c=play.ambient_c,
        happenings=(*blank, *play.happenings),
    )


def settled_in(settings: Settings, folder: Path, host: str, port: int) -> Settings:
    """Put the gate's files into `folder` and point it to the broker."""
    return msgspec.structs.replace(
        settings,
        store=Store(path=str(folder / "gate.db")),
        passback=Passback(window_s=settings.passback.window_s, site_secret=str(folder / "site.secret")),
        trust=Trust(folder=str(folder / "trust")),
        mqtt=Mqtt(host=host, port=port, keepalive_s=settings.mqtt.keepalive_s),
    )


class YardDoor(Protocol):
    """What a gate needs of a yard, whoever owns it: its address and key, and a way to the thermometer's truth."""

    @property
    def camera_address(self) -> str:
        """Where it listens."""
        ...

    @property
    def authkey(self) -> bytes:
        """What it asks of whoever connects."""
        ...

    def sense(self) -> Callable[[], Senses]:
        """Connect a thermometer."""
        ...


def ground_on(
    yard: YardDoor, pins: PinsLink, play: Play, clock: VirtualClock | LiveClock, inbox: LockstepInbox | QueueInbox
) -> Ground:
    """Make the ground: real libraries, with the yard under them."""
    factory = YardFactory(pins)
    pins.on_edge = factory.drive
    for pin, high in pins.levels.items():
        factory.drive(pin, high)
    sense = yard.sense()
    reader = play.settings.reader
    lockstep = isinstance(inbox, LockstepInbox)

    bus = simulated_bus(sense, play.seed, play.settings.thermometer.variant)  # one part: opened anew, it stays warm

    def open_thermometer() -> Thermometer:
        return Thermometer(bus, pause=(lambda seconds: None) if lockstep else time.sleep)

    return Ground(
        clock=clock,
        inbox=inbox,
        monotonic=clock.monotonic if isinstance(clock, VirtualClock) else time.monotonic,
        open_camera=partial(
            open_simulated,
            address=yard.camera_address,
            authkey=yard.authkey,
            width_px=reader.width_px,
            height_px=reader.height_px,
            fps=float(reader.fps),
        ),
        open_thermometer=open_thermometer,
        pin_factory=factory,
        call_later=inbox.call_later if isinstance(inbox, LockstepInbox) else start_timer,
        watchdog=Watchdog.from_environment(),
    )


def rehearse(
    play: Play, *, broker: tuple[str, int] | None = None, watch: Callable[[Turned], None] = lambda turned: None
) -> Outcome:
    """Rehearse in virtual time, in lockstep: the same play gives the same outcome."""
    with _Stage(play, broker) as stage:
        clock = VirtualClock(VIRTUAL_START_UTC)
        config = yard_config(play, Mode.LOCKSTEP, starts_utc=VIRTUAL_START_UTC, starts_s=0.0)
        yard = stage.enter_context(start_yard(config))
        pins = yard.pins()

        def advance(until_s: float) -> float:
            now_s, edges = yard.advance(until_s)
            clock.mono_s = now_s
            pins.deliver(edges)
            return now_s

        inbox = LockstepInbox(clock=clock, advance=advance)
        ledger = Ledger()
        gate = stage.open_gate(ground_on(yard, pins, play, clock, inbox), ledger, watch)
        inbox.busy = lambda: gate.recorder.pending > 0
        inbox.every(1.0 / play.settings.reader.fps, gate.reader.poll)
        inbox.every(play.settings.thermometer.settling_s, gate.sampler.poll)
        _turn_until_over(gate, clock, yard, longest_s=longest(play.plans))
        return stage.end(gate, yard, ledger, VIRTUAL_START_UTC)


def longest(plans: Sequence[VisitorPlan]) -> float:
    """Say after how many seconds all must have left: each has a visit, their patience and what they wait before."""
    waited_s = sum(plan.gap_s + plan.patience_s for plan in plans)
    return LONGEST_VISIT_S * (len(plans) + 1) + waited_s + max((plan.not_before_s for plan in plans), default=0.0)


def _turn_until_over(gate: Gate, clock: VirtualClock, yard: YardProcess, *, longest_s: float) -> None:
    quiet_since_s: float | None = None
    while clock.mono_s < longest_s:
        gate.daemon.turn()
        if not yard.everyone_left or gate.daemon.state.phase is Phase.DESK:
            quiet_since_s = None
        elif quiet_since_s is None:
            quiet_since_s = clock.mono_s
        elif clock.mono_s >= quiet_since_s + QUIET_S:
            return
    raise DeviceFault("rehearsal_endless", f"The visitors have not all left after {longest_s:.0f} s.")


def rehearse_live(
    play: Play,
    *,
    broker: tuple[str, int] | None = None,
    watch: Callable[[Turned], None] = lambda turned: None,
    beside: Callable[[YardProcess, Subscriber], None] = lambda yard, subscriber: None,
) -> Outcome:
    """Rehearse on the wall clock. `beside` is called in a thread of its own, to watch, until it returns."""
    with _Stage(play, broker) as stage:
        starts_utc, starts_s = wall_utc(), time.monotonic()
        yard = stage.enter_context(start_yard(yard_config(play, Mode.LIVE, starts_utc=starts_utc, starts_s=starts_s)))
        pins = yard.pins()
        ledger = Ledger()
        gate = stage.open_gate(ground_on(yard, pins, play, LiveClock(), QueueInbox()), ledger, watch)
        pins.listen()
        gate.start_threads()
        over = threading.Thread(target=_stop_when_over, args=(gate, yard), name="end", daemon=True)
        beside_thread = threading.Thread(
            target=_look_on, args=(beside, yard, stage.subscriber), name="beside", daemon=True
        )
        over.start()
        beside_thread.start()
        gate.daemon.run()
        over.join()
        beside_thread.join(timeout=5.0)
        return stage.end(gate, yard, ledger, starts_utc - starts_s)


def _look_on(beside: Callable[[YardProcess, Subscriber], None], yard: YardProcess, subscriber: Subscriber) -> None:
    with contextlib.suppress(DeviceFault):  # the yard has ended: there is nothing more to see
        beside(yard, subscriber)


def _stop_when_over(gate: Gate, yard: YardProcess) -> None:
    with contextlib.suppress(DeviceFault):  # the yard has ended: then all is over, as its report will say
        while not yard.everyone_left:
            time.sleep(0.2)
            yard.advance(0.0)
        time.sleep(QUIET_S)
    gate.daemon.stop()


class _Stage(contextlib.ExitStack):
    """Everything around a gate under rehearsal: folder, keys, broker, and a subscriber in the place of ops."""

    def __init__(self, play: Play, broker: tuple[str, int] | None) -> None:
        super().__init__()
        self._play = play
        self._folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="gatefw-")))
        write_trust(self._folder / "trust", (Issuer.jixiang(play.seed), Issuer.hcert(play.seed)))
        if broker is None:
            own = self.enter_context(Broker())
            broker = (own.host, own.port)
        # a broker of somebody else's may hold events of other rehearsals: this gate has a name of its own there
        gate_id = f"sim-{secrets.token_hex(4)}"
        topic = f"gatefw/v1/{gate_id}/event/#"
        place = msgspec.structs.replace(play.settings.gate, id=gate_id)
        settings = msgspec.structs.replace(play.settings, gate=place)
        self.settings = settled_in(settings, self._folder, *broker)
        self.subscriber = self.enter_context(Subscriber(*broker, topic=topic, name=f"ops-{gate_id}"))
        self._gate: Gate | None = None

    def open_gate(self, ground: Ground, ledger: Ledger, watch: Callable[[Turned], None]) -> Gate:
        """Put the gate together on this ground."""

        def both(turned: Turned) -> None:
            ledger.watch(turned)
            watch(turned)

        return self.enter_context(Gate(self.settings, ground, watch=both))

    def end(self, gate: Gate, yard: YardProcess, ledger: Ledger, starts_utc: float) -> Outcome:
        """Wait until ops have every event, then tell what came of it."""
        report = yard.report()
        sent = gate.sent_keys()
        self.subscriber.wait_for(len(sent), DRAIN_S)
        return Outcome(
            report=report,
            heard=tuple(self.subscriber.heard),
            sent=sent,
            releases=tuple(ledger.releases),
            starts_utc=starts_utc,
        )
