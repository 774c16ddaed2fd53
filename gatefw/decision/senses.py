"""What the gate makes of an input before any rule is asked: presence, measurement, contacts, devices, memories.

`perceive` is applied to every input in every phase. It opens nothing and orders nothing; it returns the inputs that the
table of `gate` is then asked about (contacts only once they have settled).
"""

from dataclasses import dataclass, replace
from typing import Final

from gatefw.decision import debounce, fever, passback, presence
from gatefw.decision.admission import ASSISTED, DENIED
from gatefw.decision.state import Down, GateState, Phase, Rules, SeenCode
from gatefw.model import (
    AccessEvent,
    Acknowledged,
    Action,
    CodeGlimpsed,
    CodeScanned,
    CodesConflicted,
    Credential,
    Device,
    DeviceFailed,
    DeviceReady,
    EventKind,
    FeedbackSensed,
    FireSensed,
    Input,
    Instant,
    PassageSensed,
    PersonKey,
    Recorded,
    Refusal,
    Report,
    TamperSensed,
    TemperatureRead,
    Ticked,
)

WATCHING: Final = frozenset({Phase.IDLE, Phase.ATTENDING})
"""The phases in which codes and temperatures are collected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What a rule may look at beside the state."""

    input: Input
    now: Instant
    rules: Rules


def perceive(state: GateState, moment: Moment) -> tuple[GateState, tuple[Input, ...]]:
    """Take an input in. Returns the state and what to ask the table about: settled edges, being older, first."""
    state = let_time_pass(state, moment)
    state, asked = take(state, moment)
    state, settled = settle_contacts(state, moment)
    return watch_feedback(watch_lane(state), moment), (*settled, *asked)


def let_time_pass(state: GateState, moment: Moment) -> GateState:
    """Everything that ends by itself ends here."""
    now, rules = moment.now, moment.rules
    now_s = now.mono_s
    lane = presence.lapse(state.presence, now_s, rules.presence)
    if lane is not state.presence:
        state = replace(state, presence=lane, high_here=state.high_here and lane.present)
    if lane.present and state.phase in WATCHING:
        measurement = fever.lapse(state.measurement, now_s, rules.fever)
        state = state if measurement is state.measurement else replace(state, measurement=measurement)
    if state.spent or state.passed or state.fevered:
        state = forget_old(state, now)
    if state.glimpsed_s is not None and now_s >= state.glimpsed_s + rules.code_gap_s:
        state = replace(state, glimpsed_s=None)
    if state.conflict_until_s is not None and now_s >= state.conflict_until_s:
        state = replace(state, conflict_until_s=None)
    return end_hold(end_advice(state, now_s), moment)


def forget_old(state: GateState, now: Instant) -> GateState:
    """Let the memories of codes and persons end."""
    spent = passback.current_spent(state.spent, now)
    passed = passback.current_passed(state.passed, now)
    fevered = tuple(entry for entry in state.fevered if now.mono_s < entry.until_s)
    if (spent, passed, fevered) == (state.spent, state.passed, state.fevered):
        return state
    return replace(state, spent=spent, passed=passed, fevered=fevered)


def end_advice(state: GateState, now_s: float) -> GateState:
    """A sign ends, and with it the refused code that it answered: it may be shown again."""
    if state.advice is None or now_s < state.advice_until_s:
        return state
    refused = state.code is not None and isinstance(state.code.outcome, Refusal)
    return replace(state, advice=None, code=None if refused else state.code)


def end_hold(state: GateState, moment: Moment) -> GateState:
    """The driver ends the hold by itself; from then on the relay is known to be off."""
    grant = state.grant
    if not state.released or grant is None or grant.released_s is None:
        return state
    ended_s = grant.released_s + moment.rules.hold_s
    return replace(state, released=False, relay_changed_s=ended_s) if moment.now.mono_s >= ended_s else state


def take(state: GateState, moment: Moment) -> tuple[GateState, tuple[Input, ...]]:
    """Let one input into the state; contacts wait until they have settled."""
    now_s = moment.now.mono_s
    given = moment.input
    match given:
        case TemperatureRead():
            return take_reading(state, given, moment.rules), (given,)
        case CodeScanned():
            return take_code(state, given, moment), (given,)
        case CodesConflicted():
            return begin_conflict(state, moment) if state.phase in WATCHING else state, (given,)
        case CodeGlimpsed():
            return replace(state, glimpsed_s=now_s) if state.phase in WATCHING else state, (given,)
        case DeviceFailed():
            return add_fault(state, given.device, given.fault), (given,)
        case DeviceReady():
            return end_fault(state, given.device), (given,)
        case Acknowledged():
            return end_fault(state, Device.BARRIER, fault=STUCK_OFF), (given,)
        case PassageSensed() | FireSensed() | TamperSensed() | FeedbackSensed():
            return take_edge(state, given, now_s), ()
        case Recorded():
            return forget_lost(state, given.grant_id), (given,)
        case Ticked():
            return state, (given,)


# ---------------------------------------------------------------- presence and temperature


def take_reading(state: GateState, given: TemperatureRead, rules: Rules) -> GateState:
    """Presence first; only a reading that shows a person is part of a measurement."""
    reading = given.reading
    was = state.presence
    lane = presence.observe(was, reading, rules.presence)
    state = replace(state, presence=lane, high_here=state.high_here and lane.since_s == was.since_s)
    if not lane.present or lane.last_seen_s != reading.at_s or state.phase not in WATCHING:
        return state
    fresh = lane.since_s != was.since_s
    measurement = fever.begin(reading.at_s) if fresh else state.measurement
    return replace(state, measurement=fever.observe(measurement, reading, rules.fever))


def watch_lane(state: GateState) -> GateState:
    """A lane on which presence can't be told is a fault of the thermometer's place."""
    fault = state.presence.fault
    for known in state.down:
        if known.device is Device.THERMOMETER and known.fault in LANE_FAULTS and known.fault != fault:
            state = end_fault(state, Device.THERMOMETER, fault=known.fault)
    return state if fault is None else add_fault(state, Device.THERMOMETER, fault.value)


# ---------------------------------------------------------------- codes


def take_code(state: GateState, given: CodeScanned, moment: Moment) -> GateState:
    """Hold the code of this visit; a second person's code is a conflict, a phone still in view is nobody new."""
    held = state.code
    if state.phase is Phase.DESK and held is not None:
        return replace(state, code=replace(held, seen_s=moment.now.mono_s))
    if state.phase not in WATCHING or state.conflict_until_s is not None or lingers(state, given, moment):
        return state
    if held is not None and isinstance(held.outcome, Credential):
        if isinstance(given.outcome, Refusal):
            strange = given.outcome.reason in DENIED or given.outcome.reason in ASSISTED
            return begin_conflict(state, moment) if strange else state
        if given.person != held.person:
            return begin_conflict(state, moment)
    return replace(state, code=seen_code(state, given, moment))


def seen_code(state: GateState, given: CodeScanned, moment: Moment) -> SeenCode:
    """The code as it is held. Once seen within this presence it stays joined to it."""
    held = state.code
    same = held is not None and held.person is not None and held.person == given.person
    return SeenCode(
        outcome=given.outcome,
        person=given.person,
        code=given.code,
        decoder=given.decoder,
        seen_s=moment.now.mono_s,
        joined=state.presence.present or (same and held is not None and held.joined),
    )


def lingers(state: GateState, given: CodeScanned, moment: Moment) -> bool:
    """Is this the phone of the one who has just passed, or just been told the verdict?"""
    last: PersonKey | None = None if state.last is None else state.last.person
    recent = moment.now.mono_s < state.last_ended_s + moment.rules.linger_s
    return recent and last is not None and given.person == last


def begin_conflict(state: GateState, moment: Moment) -> GateState:
    """Two people: nothing that was collected counts, neither code nor temperature."""
    now_s = moment.now.mono_s
    return replace(state, code=None, measurement=fever.begin(now_s), conflict_until_s=now_s + moment.rules.code_gap_s)


# ---------------------------------------------------------------- contacts


def take_edge(
    state: GateState, given: PassageSensed | FireSensed | TamperSensed | FeedbackSensed, now_s: float
) -> GateState:
    """Keep what a line says now; whether it counts is for `settle_contacts`."""
    match given:
        case PassageSensed(occupied=raw):
            return replace(state, passage=debounce.observe(state.passage, raw=raw, now_s=now_s))
        case FireSensed(active=raw):
            return replace(state, fire=debounce.observe(state.fire, raw=raw, now_s=now_s))
        case TamperSensed(open=raw):
            return replace(state, tamper=debounce.observe(state.tamper, raw=raw, now_s=now_s))
        case FeedbackSensed(energised=raw):
            return replace(state, feedback=debounce.observe(state.feedback, raw=raw, now_s=now_s))


def settle_contacts(state: GateState, moment: Moment) -> tuple[GateState, tuple[Input, ...]]:
    """Contacts that have stood still long enough count now."""
    lines = (state.passage, state.fire, state.tamper, state.feedback)
    if all(line.raw == line.level for line in lines):
        return state, ()
    now_s, wait_s = moment.now.mono_s, moment.rules.debounce_s
    passage, fire, tamper, feedback = (debounce.settle(line, now_s=now_s, debounce_s=wait_s) for line in lines)
    settled = replace(state, passage=passage, fire=fire, tamper=tamper, feedback=feedback)
    moved = passage.level != state.passage.level
    return settled, (PassageSensed(occupied=passage.level),) if moved else ()


STUCK_ON: Final = "relay_stuck_on"
STUCK_OFF: Final = "relay_stuck_off"
LANE_FAULTS: Final = frozenset(fault.value for fault in presence.LaneFault)


def watch_feedback(state: GateState, moment: Moment) -> GateState:
    """Hold the relay's own contact against what was ordered, once it has had time to follow."""
    rules = moment.rules
    if not rules.feedback_fitted:
        return state
    energised = state.feedback.level
    if state.released and energised:
        state = replace(state, answered=True)
    due_s = max(state.relay_changed_s, state.feedback.raw_since_s) + rules.feedback_s
    if energised and not state.released:
        return add_fault(state, Device.BARRIER, STUCK_ON) if moment.now.mono_s >= due_s else state
    state = end_fault(state, Device.BARRIER, fault=STUCK_ON)
    silent = state.released and not state.answered and moment.now.mono_s >= state.relay_changed_s + rules.feedback_s
    return add_fault(state, Device.BARRIER, STUCK_OFF) if silent else state


# ---------------------------------------------------------------- the store


def forget_lost(state: GateState, answered_id: int) -> GateState:
    """The store answers in order: older grants without an answer were never committed, and spent no code."""
    lost = {grant.code for grant in state.orphans if grant.grant_id < answered_id}
    if not lost:
        return state
    kept = tuple(grant for grant in state.orphans if grant.grant_id >= answered_id)
    return replace(state, orphans=kept, spent=tuple(entry for entry in state.spent if entry.code not in lost))


# ---------------------------------------------------------------- devices


def add_fault(state: GateState, device: Device, fault: str) -> GateState:
    """A device may have several faults at once; each is told once, and lasts until it ends by itself."""
    entry = Down(device=device, fault=fault)
    if entry in state.down:
        return state
    down = tuple(sorted((*state.down, entry), key=lambda known: (known.device, known.fault)))
    return replace(state, down=down, awaited=state.awaited - {device})


def end_fault(state: GateState, device: Device, *, fault: str | None = None) -> GateState:
    """The device works again (or: this one fault of it has ended)."""
    if fault is None and device in state.awaited:
        state = replace(state, awaited=state.awaited - {device})
    kept = tuple(entry for entry in state.down if entry.device is not device or fault not in (None, entry.fault))
    return state if kept == state.down else replace(state, down=kept)


def reports_of_change(before: GateState, after: GateState, moment: Moment) -> tuple[Action, ...]:
    """Tell ops of each fault and of tampering, when it begins and when it ends."""
    began = [entry for entry in after.down if entry not in before.down]
    ended = [entry for entry in before.down if entry not in after.down]
    reports = [fault_report(EventKind.FAULT, entry, moment.now) for entry in began]
    reports += [fault_report(EventKind.FAULT_ENDED, entry, moment.now) for entry in ended]
    if after.tamper.level != before.tamper.level:
        kind = EventKind.TAMPER if after.tamper.level else EventKind.TAMPER_ENDED
        reports.append(Report(event=AccessEvent(kind=kind, at=moment.now)))
    return tuple(reports)


def fault_report(kind: EventKind, entry: Down, now: Instant) -> Report:
    """One fault's beginning or end, for ops."""
    return Report(event=AccessEvent(kind=kind, at=now, device=entry.device, fault=entry.fault))
