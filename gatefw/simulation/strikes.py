"""How a gate is struck: which surroundings bring it into a phase, and how to see from outside that it let go.

A *life* is one yard, one gate before it, one phase, one way to end. The yard judges: it lives on.
"""

import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from gatefw import settings as gate_settings
from gatefw.decision.state import Phase
from gatefw.errors import DeviceFault
from gatefw.settings import Settings
from gatefw.simulation.gatelink import GateProcess
from gatefw.simulation.issuer import write_trust
from gatefw.simulation.rehearsal import Play, settled_in, wall_utc, yard_config
from gatefw.simulation.report import Happening, Report, Switch
from gatefw.simulation.standalone import HOLD_INTERPRETER, SPIN, Moment, Strike
from gatefw.simulation.turnstile import Controller
from gatefw.simulation.visitors import VisitorPlan, plan_visitor
from gatefw.simulation.wallet import authorities
from gatefw.simulation.yardlink import YardProcess, start_yard
from gatefw.simulation.yardwords import Mode

PATIENCE_S: Final = 40.0
"""How long to wait for anything: only a broken gate takes nearly so long, or a very busy machine."""
LOOK_S: Final = 0.01
WATCH_S: Final = 0.6
"""How long a coil that was let go is watched: longer than a full charge pump lasts, and several steps of the loop."""
FPS: Final = 5
"""Half of a gate's usual frames, so that several gates live on a small machine at once."""


class Way(Enum):
    """What befalls the gate; the value is the signal that does it."""

    KILL = signal.SIGKILL
    STOP = signal.SIGSTOP
    SPIN = SPIN
    HOLD_INTERPRETER = HOLD_INTERPRETER


Target = Phase | Moment
"""When the gate is struck: in a phase, from outside, or at a moment, by itself."""

KINDS: Final[dict[Target, str]] = {
    Phase.ATTENDING: "green_normal",
    Moment.RECORDING: "green_normal",
    Moment.RECORDED: "green_normal",
    Phase.OPEN: "green_normal",
    Phase.PASSING: "green_normal",
    Phase.DESK: "red",
    Phase.ALARM: "forced_entry",
}
"""The visitor who brings a gate there."""
SWITCHES: Final[dict[Target, Switch]] = {Phase.OUT_OF_SERVICE: Switch.TAMPER, Phase.FIRE: Switch.FIRE_PANEL}
"""What else does."""
POWERED: Final = frozenset({Phase.OPEN, Phase.FIRE})
"""The phases in which the coil is on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Struck:
    """What the yard saw of a strike at `struck_s` (its clock): the coil was off `coil_off_s` later (0: it was off)."""

    struck_s: float
    coil_off_s: float
    report: Report


def settle(folder: Path, name: str, broker: tuple[str, int], *, seed: int, controller: Controller) -> Settings:
    """Make a gate's files in `folder` and give its settings."""
    write_trust(folder / "trust", authorities(seed))
    usual = gate_settings.defaults()
    placed = msgspec.structs.replace(
        usual,
        gate=msgspec.structs.replace(usual.gate, id=name),
        reader=msgspec.structs.replace(usual.reader, fps=FPS),
        barrier=msgspec.structs.replace(usual.barrier, controller=controller.value),
    )
    return settled_in(placed, folder, *broker)


def surroundings(at: Target, seed: int) -> tuple[tuple[VisitorPlan, ...], tuple[Happening, ...]]:
    """Give who comes and what happens, so that a gate gets there soon."""
    plans: tuple[VisitorPlan, ...] = ()
    if at in KINDS:
        # one who does not walk in leaves the turnstile released for as long as can be
        plans = (replace(plan_visitor(1, KINDS[at], seed), gap_s=0.2, uses_grant=at is not Phase.OPEN),)
    happenings = (Happening(after_s=0.0, switch=SWITCHES[at], on=True),) if at in SWITCHES else ()
    return plans, happenings


def live_yard(
    settings: Settings, seed: int, plans: tuple[VisitorPlan, ...], happenings: tuple[Happening, ...] = ()
) -> YardProcess:
    """Start a yard on the machine's clock."""
    play = Play(plans=plans, seed=seed, settings=settings, happenings=happenings)
    return start_yard(yard_config(play, Mode.LIVE, starts_utc=wall_utc(), starts_s=time.monotonic()))


def await_it(holds: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Look again and again until it holds. Raises DeviceFault when it never does."""
    end_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end_s:
            raise DeviceFault("gate_late", f"{what}: still not so after {within_s:g} s.")
        pause(LOOK_S)


def pause(seconds: float) -> None:
    """Let real time pass."""
    select.select([], [], [], seconds)


def ordered(at: Target, way: Way) -> Strike | None:
    """Give the strike that a gate must do to itself, because nobody outside could hit the moment."""
    return Strike(at=at, signal=way.value) if isinstance(at, Moment) else None


def strike(yard: YardProcess, gate: GateProcess, at: Target, way: Way) -> Struck:
    """Wait for the moment, strike (or see the gate struck, as `ordered`), return when the coil has been off a while."""
    if isinstance(at, Moment):
        return watch_coil(yard, gate.await_phase(Phase.RECORDING, PATIENCE_S).at_s)
    gate.await_phase(at, PATIENCE_S)
    if at is Phase.OPEN:
        await_it(lambda: yard.glance().unlocked, "the turnstile is unlocked")
    elif at is Phase.FIRE:
        await_it(lambda: yard.glance().coil, "the coil is on")
    return watch_coil(yard, gate.strike(way.value))


def watch_coil(yard: YardProcess, struck_s: float) -> Struck:
    """Wait until the coil is off, watch it for a while, and tell what the yard saw."""
    await_it(lambda: not yard.glance().coil, "the coil is off")
    off_s = yard.advance(0.0)[0]
    await_it(lambda: yard.advance(0.0)[0] >= off_s + WATCH_S, "the yard's time goes on")
    report = yard.report()
    # what it came to: the end of the last span that reached beyond the strike
    beyond = [report.now_s if span.off_s is None else span.off_s for span in report.coil]
    return Struck(struck_s=struck_s, coil_off_s=max(0.0, *(at - struck_s for at in beyond), 0.0), report=report)
