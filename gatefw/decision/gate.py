"""The gate: one table of what happens when, and `step`, which walks it.

Rules of this file: (1) `step` is told everything and asks for nothing: state, input, time and rules in, state and
actions out; (2) an input first reaches the senses (`senses.perceive`), then the table; (3) rows are tried from the top,
the first that fits is taken, then the table is asked again until no row fits, an input being taken by one row at most;
(4) a row without an input (`on=None`) looks at the state only; (5) only `release` (after a committed grant) and
`free_egress` (fire) let anybody through; (6) every phase but FIRE gives way to fire.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from gatefw.decision import effects as fx
from gatefw.decision import fever, presence
from gatefw.decision import guards as ask
from gatefw.decision.effects import Effect
from gatefw.decision.guards import Guard
from gatefw.decision.senses import Moment, perceive, reports_of_change
from gatefw.decision.state import GateState, Phase, Rules
from gatefw.decision.timing import next_deadline, signal
from gatefw.model import (
    AccessEvent,
    Acknowledged,
    Action,
    CodeScanned,
    Device,
    EventKind,
    Input,
    Instant,
    PassageSensed,
    PassedBy,
    Recorded,
    Report,
    Show,
    Signal,
    Spent,
    Ticked,
    Withdraw,
)

__all__ = ["ROWS", "TABLE", "Row", "Table", "next_deadline", "start", "step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """In one of `phases`, on this input (None: on any step), when the guard holds: do this, go `to` (None: stay)."""

    name: str
    phases: frozenset[Phase]
    on: type[Input] | None
    when: Guard
    do: tuple[Effect, ...]
    to: Phase | None


def _row(
    name: str, phases: Iterable[Phase], on: type[Input] | None, when: Guard, do: tuple[Effect, ...], to: Phase | None
) -> Row:
    return Row(name=name, phases=frozenset(phases), on=on, when=when, do=do, to=to)


STARTING, IDLE, ATTENDING, RECORDING, OPEN, PASSING, DESK, OUT, ALARM, FIRE = Phase
CLOSED: Final = frozenset({IDLE, ATTENDING, RECORDING, DESK, OUT})
"""The phases in which nobody may enter the passage. (At start a body may still be in it.)"""

FORCED: Final = (fx.orphan_grant, fx.end_visit, fx.raise_alarm(EventKind.FORCED_OPEN))
TAILED: Final = (fx.orphan_grant, fx.end_visit, fx.raise_alarm(EventKind.TAILGATING))
LATE: Final = (fx.store_is_slow, fx.orphan_grant, fx.compensate, fx.end_visit)
SLOW: Final = (fx.store_is_slow, fx.orphan_grant, fx.end_visit)
UNUSED: Final = (fx.withdraw, fx.close_unused, fx.end_visit)
TO_FIRE: Final = (fx.close_grant, fx.end_visit, fx.free_egress, fx.report(EventKind.FIRE_RELEASE))
FIRE_ENDED: Final = (fx.withdraw, fx.end_visit, fx.report(EventKind.FIRE_ENDED))
SEEN_TO: Final = (fx.end_alarm, fx.end_visit)
REFUSED: Final = (fx.report_verdict(EventKind.REFUSED), fx.remember_high)
ASSISTED: Final = (fx.report_verdict(EventKind.ASSIST),)
HELD_OPEN: Final = (fx.raise_alarm(EventKind.HELD_OPEN),)

# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    # name                      phases         on             when               do                        to
    _row("fire",                set(Phase) - {FIRE}, None,    ask.fire,          TO_FIRE,                  FIRE),
    _row("seen to during fire", {FIRE},        Acknowledged,  ask.alarmed,       (fx.end_alarm,),          None),
    _row("fire over, alarm on", {FIRE},        None,          ask.fire_over_alarmed, FIRE_ENDED,           ALARM),
    _row("fire over",           {FIRE},        None,          ask.fire_over,     FIRE_ENDED,               IDLE),
    _row("late commit",         set(Phase),    Recorded,      ask.late_answer,   (fx.compensate,),         None),

    _row("tailgating",          CLOSED,        PassageSensed, ask.body_followed, TAILED,                   ALARM),
    _row("forced entry",        CLOSED,        PassageSensed, ask.body_came,     FORCED,                   ALARM),
    _row("forced again",        {ALARM},       PassageSensed, ask.body_came,     FORCED,                   None),
    _row("out after all",       {ALARM},       PassageSensed, ask.granted_left,  (fx.close_passed,),       None),
    _row("seen to, body in",    {ALARM},       Acknowledged,  ask.body_granted,  (fx.end_alarm,),          PASSING),
    _row("seen to",             {ALARM},       Acknowledged,  ask.always,        SEEN_TO,                  IDLE),
    _row("held open no more",   {ALARM},       None,          ask.held_open_over, SEEN_TO,                 IDLE),
    _row("tailgater gone",      {ALARM},       None,          ask.tailgating_over, SEEN_TO,                IDLE),

    _row("fails at start",      {STARTING},    None,          ask.any_down,      (),                       OUT),
    _row("ready",               {STARTING},    None,          ask.in_service,    (fx.end_visit,),          IDLE),
    _row("not ready in time",   {STARTING},    None,          ask.start_over,    (fx.give_up_waiting,),    OUT),
    _row("never came up",       {OUT},         None,          ask.start_over_awaited, (fx.give_up_waiting,), None),
    _row("back in service",     {OUT},         None,          ask.in_service,    (fx.end_visit,),          IDLE),
    _row("out of service",      {IDLE},        None,          ask.out_of_service, (fx.end_visit,),         OUT),

    _row("somebody comes",      {IDLE},        None,          ask.somebody,      (fx.begin_visit,),        ATTENDING),
    _row("body stays there",    {IDLE},        None,          ask.blocked,       HELD_OPEN,                ALARM),
    _row("a poster",            {IDLE},        None,          ask.must_advise_noise, (fx.advise_retry,),   None),
    _row("thermometer fails",   {ATTENDING},   None,          ask.thermometer_down, (fx.report_sensor_fault,), DESK),
    _row("fails meanwhile",     {ATTENDING},   None,          ask.out_of_service, (fx.end_visit,),         OUT),
    _row("presence begins",     {ATTENDING},   None,          ask.presence_new,  (fx.note_presence,),      None),
    _row("leaves",              {ATTENDING},   None,          ask.presence_broke, (fx.report_left, fx.end_visit), IDLE),
    _row("refused",             {ATTENDING},   None,          ask.denied,        REFUSED,                  DESK),
    _row("sent to staff",       {ATTENDING},   None,          ask.assisted,      ASSISTED,                 DESK),
    _row("green and normal",    {ATTENDING},   None,          ask.may_grant,     (fx.order_record,),       RECORDING),
    _row("two people",          {ATTENDING},   None,          ask.must_separate, (fx.advise_one_person,),  None),
    _row("show it again",       {ATTENDING},   None,          ask.must_advise,   (fx.advise_retry,),       None),

    _row("committed too late",  {RECORDING},   Recorded,      ask.too_late,      LATE,                     OUT),
    _row("committed",           {RECORDING},   Recorded,      ask.may_open,      (fx.release,),            OPEN),
    _row("no longer right",     {RECORDING},   Recorded,      ask.own_answer,    (fx.close_unused, fx.end_visit), IDLE),
    _row("fails before commit", {RECORDING},   None,          ask.out_of_service, (fx.orphan_grant, fx.end_visit), OUT),
    _row("no commit in time",   {RECORDING},   None,          ask.record_over,   SLOW,                     OUT),

    _row("goes through",        {OPEN},        PassageSensed, ask.body_admitted, (fx.withdraw,),           PASSING),
    _row("relay fails",         {OPEN},        None,          ask.barrier_down,  UNUSED,                   OUT),
    _row("does not go through", {OPEN},        None,          ask.window_over,   UNUSED,                   IDLE),
    _row("is through",          {PASSING},     PassageSensed, ask.body_left,     (fx.close_passed, fx.end_visit), IDLE),
    _row("stays in the passage", {PASSING},     None,          ask.blocked,       HELD_OPEN,                ALARM),

    _row("whose HIGH it was",   {DESK},        CodeScanned,   ask.shown_after_high, (fx.remember_shown,),  None),
    _row("next, please",        {DESK},        None,          ask.desk_over,     (fx.end_visit,),          IDLE),
)
# fmt: on


class Table:
    """Rows, sorted by phase once."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        self._of_phase = {phase: tuple(row for row in self.rows if phase in row.phases) for phase in Phase}

    def first_fitting(self, state: GateState, moment: Moment, *, taken: bool) -> Row | None:
        """Find the first row that fits; an input that was `taken` is not offered again."""
        for row in self._of_phase[state.phase]:
            offered = row.on is None or (not taken and isinstance(moment.input, row.on))
            if offered and row.when(state, moment):
                return row
        return None


TABLE: Final = Table(ROWS)

SETTLING: Final = Ticked()
"""What the table is asked about while a contact still bounces: time, never an edge that doesn't count yet."""

ROUNDS: Final = 12
"""More rows than this in one step would be a circle in the table (the exhaustive search has seen at most 6)."""


def step(
    state: GateState, given: Input, now: Instant, rules: Rules, table: Table = TABLE
) -> tuple[GateState, tuple[Action, ...]]:
    """Take one input at one moment. Returns the new state and the actions, in the order in which to carry them out."""
    moment = Moment(input=given, now=now, rules=rules)
    perceived, asked = perceive(state, moment)
    actions = list(reports_of_change(state, perceived, moment))
    state = perceived
    for each in asked or (SETTLING,):
        state, done = walk(state, moment if each is given else replace(moment, input=each), table)
        actions += done
    actions += reports_of_change(perceived, state, moment)
    shown = signal(state, now.mono_s, rules)
    if shown is not state.signal:
        actions.append(Show(signal=shown))
        state = replace(state, signal=shown)
    return state, tuple(actions)


def walk(state: GateState, moment: Moment, table: Table) -> tuple[GateState, list[Action]]:
    """Take rows until none fits; the input is taken once."""
    actions: list[Action] = []
    taken = False
    for _ in range(ROUNDS):
        row = table.first_fitting(state, moment, taken=taken)
        if row is None:
            return state, actions
        taken = taken or row.on is not None
        for effect in row.do:
            state, done = effect(state, moment)
            actions += done
        if row.to is not None:
            state = replace(state, phase=row.to, since_s=moment.now.mono_s)
    raise RuntimeError(f"the table goes round in {state.phase}")


def start(
    now: Instant,
    awaited: frozenset[Device],
    *,
    spent: tuple[Spent, ...] = (),
    passed: tuple[PassedBy, ...] = (),
    next_grant_id: int = 1,
) -> tuple[GateState, tuple[Action, ...]]:
    """Begin, out of service until each of `awaited` has said that it is ready. The memories come from the store."""
    state = GateState(
        phase=Phase.STARTING,
        since_s=now.mono_s,
        signal=Signal.STARTING,
        presence=presence.NOBODY,
        measurement=fever.begin(now.mono_s),
        awaited=awaited,
        spent=spent,
        passed=passed,
        next_grant_id=next_grant_id,
    )
    begun = Report(event=AccessEvent(kind=EventKind.STARTED, at=now))
    return state, (Withdraw(), begun, Show(signal=Signal.STARTING))
