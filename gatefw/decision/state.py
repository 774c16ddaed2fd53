"""What the gate knows at one moment, and the numbers it goes by. Values only: `gate` says how they change."""

from dataclasses import dataclass, field
from enum import StrEnum

from gatefw.decision.admission import StaticCodes
from gatefw.decision.debounce import Contact
from gatefw.decision.fever import FeverRules, Measurement
from gatefw.decision.presence import Presence, PresenceRules
from gatefw.model import (
    CodeKey,
    Credential,
    Decoder,
    Device,
    EventKind,
    PassedBy,
    PersonKey,
    Reason,
    Refusal,
    Signal,
    Spent,
)


class Phase(StrEnum):
    """Where the gate is with its visitor."""

    STARTING = "starting"
    IDLE = "idle"
    ATTENDING = "attending"
    RECORDING = "recording"
    OPEN = "open"
    PASSING = "passing"
    DESK = "desk"
    OUT_OF_SERVICE = "out_of_service"
    ALARM = "alarm"
    FIRE = "fire"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Every number of the gate's own; all `_s` are seconds. Sources: DESIGN of the gate (README, docs/decisions).

    join_s        code and temperature must meet within this
    record_s      a grant that is not committed by then is no grant
    hold_s        how long a passage may begin after the release; grace_s: how long its contact may lag behind
    tailgate_s    a body this soon after a passage went in behind it, it did not force the gate
    """

    fever: FeverRules = field(default_factory=FeverRules)
    presence: PresenceRules = field(default_factory=PresenceRules)
    static_codes: StaticCodes = "assist"
    feedback_fitted: bool = True
    join_s: float = 8.0
    code_gap_s: float = 1.0
    advice_s: float = 2.0
    desk_s: float = 3.0
    desk_limit_s: float = 12.0
    record_s: float = 0.3
    hold_s: float = 5.0
    grace_s: float = 0.5
    move_on_s: float = 4.0
    held_open_s: float = 10.0
    tailgate_s: float = 1.0
    alarm_s: float = 60.0
    linger_s: float = 3.0
    start_s: float = 10.0
    debounce_s: float = 0.03
    feedback_s: float = 0.2
    passback_s: float = 60.0
    fevered_s: float = 900.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenCode:
    """The code of this visit. `joined`: it was seen while the present presence was on. Times are monotonic."""

    outcome: Credential | Refusal
    person: PersonKey | None
    code: CodeKey | None
    decoder: Decoder
    seen_s: float
    joined: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """The one-shot right to one passage."""

    grant_id: int
    visit: int
    person: PersonKey
    code: CodeKey | None
    released_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fevered:
    """A person whose forehead was HIGH: refused until `until_s` (monotonic)."""

    person: PersonKey
    until_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Down:
    """A device that does not work, and the stable name of what is wrong."""

    device: Device
    fault: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GateState:
    """The whole memory of the gate. All `_s` are monotonic seconds.

    `since_s`: start of the phase. `presence_s`: since when the presence is on that this visit goes by (None: only a
    code was seen so far). `high_here`: a HIGH was measured in this unbroken presence, whoever it is. `orphans`: grants
    that were ordered and then given up before the store answered. `last`: the grant that was last closed and when, so
    that a phone still in view is not a new visitor. `released`: the relay is ordered on; `relay_changed_s`: since when
    it is so or not; `answered`: its feedback was seen since.
    """

    phase: Phase
    since_s: float
    signal: Signal
    presence: Presence
    measurement: Measurement
    visit: int = 0
    presence_s: float | None = None
    code: SeenCode | None = None
    advised: Reason | None = None
    advice: Signal | None = None
    advice_until_s: float = 0.0
    glimpsed_s: float | None = None
    conflict_until_s: float | None = None
    high_here: bool = False
    grant: Grant | None = None
    orphans: tuple[Grant, ...] = ()
    last: Grant | None = None
    last_ended_s: float = 0.0
    next_grant_id: int = 1
    alarm: EventKind | None = None
    released: bool = False
    answered: bool = False
    relay_changed_s: float = 0.0
    passage: Contact = Contact()
    fire: Contact = Contact()
    tamper: Contact = Contact()
    feedback: Contact = Contact()
    awaited: frozenset[Device] = frozenset()
    down: tuple[Down, ...] = ()
    spent: tuple[Spent, ...] = ()
    passed: tuple[PassedBy, ...] = ()
    fevered: tuple[Fevered, ...] = ()

    @property
    def in_service(self) -> bool:
        """Does everything work that an admission depends on?"""
        return not self.down and not self.awaited and not self.tamper.level
