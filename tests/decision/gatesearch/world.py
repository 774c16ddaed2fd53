"""The small worlds in which the gate is searched: rules in a few quanta, and every kind of input.

All durations are multiples of one quantum, and readings are free of noise, so that each world is finite. The worlds
differ in which memories and devices are rich; every one of them has every kind of input in every state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from gatefw.decision.fever import FeverRules
from gatefw.decision.presence import PresenceRules
from gatefw.decision.state import GateState, Rules
from gatefw.model import (
    Acknowledged,
    CodeGlimpsed,
    CodeKey,
    CodeScanned,
    CodesConflicted,
    Colour,
    Credential,
    Decoder,
    Device,
    DeviceFailed,
    DeviceReady,
    FeedbackSensed,
    FireSensed,
    Format,
    Input,
    Instant,
    PassageSensed,
    PersonKey,
    Reading,
    Reason,
    Recorded,
    Refusal,
    TamperSensed,
    TemperatureRead,
    Ticked,
)
from gatesearch.witness import Witness

Q_S = 0.5
"""The quantum. It and its halves are exact in binary, so no time is ever rounded."""

NOW_S = 1000.0
"""Every canonical state stands at this monotonic time (and this wall time)."""

NEVER_UTC = inf
UNASKED_ID = 7
"""A grant id that was never asked for (canonical ids are near 100)."""

OBJECT_C = {"empty": 20.0, "normal": 35.5, "border": 36.75, "high": 38.5, "low": 32.0, "hot": 27.0}
"""What the sensor reads: corrected they are nobody, 36.3, 37.5 (within the guard band), 39.3, 32.7; a hot lane."""

FROZEN_WORD = (1, 1)


def rules(**changed: float) -> Rules:
    """Rules in quanta. `settling_s` is such that only readings of two successive quanta make one measurement."""
    fever = FeverRules(
        samples=2,
        settling_s=Q_S / 2,
        tries_window_s=changed.pop("tries", 4) * Q_S,
        remeasure_after_s=Q_S,
        max_tries=int(changed.pop("max_tries", 1)),
        frozen_samples=2,
        frozen_s=Q_S,
    )
    presence = PresenceRules(
        gap_s=2 * Q_S,
        baseline_samples=1,
        baseline_step_s=0.0,
        baseline_limit_c=25.0,
        stuck_s=changed.pop("stuck", 10**6) * Q_S,
    )
    quanta = {
        "join": 3, "code_gap": 1, "advice": 1, "desk": 1, "desk_limit": 3, "record": 2, "hold": 2, "grace": 1,
        "move_on": 1, "held_open": 2, "tailgate": 1, "alarm": 2, "linger": 1, "start": 2, "debounce": 0,
        "feedback": 1, "passback": 0, "fevered": 1,
    } | changed  # fmt: skip
    fitted = bool(quanta.pop("feedback_fitted", 0))
    seconds = {f"{name}_s": count * Q_S for name, count in quanta.items()}
    return Rules(fever=fever, presence=presence, feedback_fitted=fitted, **seconds)


@dataclass(frozen=True, kw_only=True)
class World:
    """One searched world, walked to the end within two bounds: a step that leaves more than `unanswered` grants without
    the store's answer, or more than `faults` at once, is checked and not walked on from.
    """

    name: str
    rules: Rules
    codes: tuple[str, ...] = ("A1",)
    readings: tuple[str, ...] = ("empty", "normal", "high")
    devices: tuple[Device, ...] = (Device.STORE,)
    awaited: frozenset[Device] = frozenset()
    unanswered: int = 1
    faults: int = 9
    life_s: float | None = None
    untrusted: bool = False
    late: bool = True
    scans: dict[str, CodeScanned] = field(default_factory=dict)

    def now(self, later_s: float, *, trusted: bool = True) -> Instant:
        """The moment `later_s` after the canonical one."""
        return Instant(mono_s=NOW_S + later_s, wall_utc=NOW_S + later_s, uncertainty_s=0.0, trusted=trusted)


def person(name: str) -> PersonKey:
    """The key of whoever holds the code `name`: its first letter."""
    return PersonKey(name[0].encode() * 16)


def code(name: str) -> CodeKey:
    """The key of the code `name`."""
    return CodeKey(name.encode() * 8)


REFUSED = {
    "red": Reason.RED,
    "foreign": Reason.FOREIGN,
    "expired": Reason.EXPIRED,
    "yellow": Reason.YELLOW,
    "grey": Reason.BLACK_AND_WHITE,
    "untimely": Reason.TIME_UNTRUSTED,
}


def scanned(name: str, expires_utc: float = NEVER_UTC) -> CodeScanned:
    """What a visitor shows: A1, A2 (two codes of A), B1, S1 (a static code), or a refused one."""
    if name in REFUSED:
        refusal = Refusal(format=Format.JIXIANG, reason=REFUSED[name], detail="")
        return CodeScanned(outcome=refusal, person=None, code=None, decoder=Decoder.ZXING)
    static = name[0] == "S"
    credential = Credential(
        format=Format.JIXIANG,
        issuer="issuer",
        key_id=b"",
        subject=b"",
        code_id=None if static else name.encode(),
        colour=Colour.GREEN,
        expires_utc=expires_utc,
        copyable=static,
        single_use=not static,
    )
    key = None if static else code(name)
    return CodeScanned(outcome=credential, person=person(name), code=key, decoder=Decoder.ZXING)


SCANS = {name: scanned(name) for name in ("A1", "A2", "B1", "S1", *REFUSED)}


def reading(kind: str) -> TemperatureRead:
    """The sample that ends this quantum; its raw words differ from the last ones, except where the sensor is frozen."""
    ambient_c = 10.0 if kind == "cold air" else 24.0
    object_c = 35.5 if kind in {"cold air", "frozen"} else OBJECT_C[kind]
    word = FROZEN_WORD if kind == "frozen" else (2, 2)
    return TemperatureRead(
        reading=Reading(
            object_c=object_c, ambient_c=ambient_c, object_raw=word[0], ambient_raw=word[1], at_s=NOW_S + Q_S
        )
    )


Offered = tuple[Input, float, bool]
"""An input, how much later it comes, and whether the clock is trusted then."""


def offers(world: World, state: GateState, witness: Witness) -> Iterator[Offered]:
    """Every input that this world may give in this state; the first is time alone."""
    yield Ticked(), Q_S, True
    yield CodesConflicted(), 0.0, True
    yield CodeGlimpsed(), 0.0, True
    yield Acknowledged(), 0.0, True
    yield from ((reading(kind), Q_S, True) for kind in world.readings)
    yield from ((shown(world, name, witness), 0.0, True) for name in world.codes)
    for device in world.devices:
        yield DeviceFailed(device=device, fault="broken"), 0.0, True
        yield DeviceReady(device=device), 0.0, True
    for later_s in (0.0, Q_S) if world.late else (0.0,):
        yield PassageSensed(occupied=not witness.passage.raw), later_s, True
        yield FireSensed(active=not witness.fire.raw), later_s, True
        yield TamperSensed(open=not witness.tamper.raw), later_s, True
        yield FeedbackSensed(energised=not witness.feedback.raw), later_s, True
        yield from ((Recorded(grant_id=asked.grant_id), later_s, True) for asked in witness.unanswered)
    yield Recorded(grant_id=UNASKED_ID), 0.0, True
    if world.untrusted:
        yield Ticked(), 0.0, False
        yield reading("normal"), Q_S, False
        yield from ((Recorded(grant_id=asked.grant_id), 0.0, False) for asked in witness.unanswered)
        yield from ((shown(world, name, witness), 0.0, False) for name in world.codes if name not in REFUSED)


def shown(world: World, name: str, witness: Witness) -> CodeScanned:
    """The code as it is now. Where codes have a life, one is minted when it is shown first, and anew once it ended."""
    if world.life_s is None or name in REFUSED:
        return SCANS[name]
    minted = dict(witness.minted)
    return scanned(name, minted.get(name, NOW_S + world.life_s))
