"""What a row of the gate's table does: each effect takes the state and the moment, returns state and actions."""

from collections.abc import Callable
from dataclasses import replace

from gatefw.decision import fever
from gatefw.decision.admission import Evidence, Judgement, judge
from gatefw.decision.passback import has_passed, is_spent
from gatefw.decision.senses import Moment, add_fault, end_fault
from gatefw.decision.state import Fevered, GateState, Grant, Phase
from gatefw.model import (
    AccessEvent,
    Action,
    CodeScanned,
    Credential,
    Device,
    EventKind,
    FreeEgress,
    PassedBy,
    PersonKey,
    Reason,
    Record,
    Recorded,
    Release,
    Report,
    Signal,
    Spent,
    TemperatureBand,
    Withdraw,
)

Effect = Callable[[GateState, Moment], tuple[GateState, tuple[Action, ...]]]

STORE_SLOW = "store_slow"
NOT_READY = "not_ready"
ORPHANS = 8
"""Grants given up and not yet answered that are remembered: a store that fails this often is out of service anyway."""


def judgement(state: GateState, moment: Moment) -> Judgement:
    """Ask the rule of admission about this visit."""
    seen = state.code
    person = None if seen is None else seen.person
    return judge(
        Evidence(
            code=None if seen is None else seen.outcome,
            joined=seen is not None and seen.joined,
            present=state.presence.present,
            way_clear=way_clear(state),
            band=state.measurement.band,
            in_service=state.in_service,
            spent=seen is not None and is_spent(state.spent, seen.code),
            passed_before=has_passed(state.passed, person),
            fevered=state.high_here or any(entry.person == person for entry in state.fevered),
            time_up=moment.now.mono_s >= attend_until_s(state, moment),
            advised=state.advised,
            static_codes=moment.rules.static_codes,
            now=moment.now,
        )
    )


def way_clear(state: GateState) -> bool:
    """Is nobody in the passage, settled or not?"""
    return not state.passage.raw and not state.passage.level


def attend_until_s(state: GateState, moment: Moment) -> float:
    """Monotonic end of this visit's time: `join_s`, extended while a measurement is repeated."""
    end_s = state.since_s + moment.rules.join_s
    repeated = state.measurement.remeasure_at_s is not None or state.measurement.first_c is not None
    repeated = repeated or state.measurement.failed_tries > 0
    measured_s = fever.deadline(replace(state.measurement, remeasure_at_s=None), moment.rules.fever)
    return max(end_s, measured_s) if repeated and measured_s is not None else end_s


# ---------------------------------------------------------------- telling


def event(kind: EventKind, state: GateState, moment: Moment, reason: Reason | None = None) -> AccessEvent:
    """Say what happened in this visit (in none, while idle): format, decoder and band, never a person or a number."""
    seen = state.code
    return AccessEvent(
        kind=kind,
        at=moment.now,
        visit=None if state.phase is Phase.IDLE else state.visit,
        reason=reason,
        format=None if seen is None else seen.outcome.format,
        decoder=None if seen is None else seen.decoder,
        temperature=state.measurement.band,
    )


def report(kind: EventKind) -> Effect:
    """Make the effect that reports `kind` and changes nothing."""

    def effect(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
        return state, (Report(event=AccessEvent(kind=kind, at=moment.now)),)

    return effect


def report_verdict(kind: EventKind) -> Effect:
    """Make the effect that reports the judgement of this visit, with its reason."""

    def effect(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
        return state, (Report(event=event(kind, state, moment, judgement(state, moment).reason)),)

    return effect


def report_sensor_fault(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """The thermometer failed before this visitor: staff help."""
    return state, (Report(event=event(EventKind.ASSIST, state, moment, Reason.SENSOR_FAULT)),)


def report_left(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Presence broke before a verdict: only a visitor who had shown a code is worth an event and a sign."""
    if state.code is None:
        return state, ()
    said = Report(event=event(EventKind.LEFT, state, moment, Reason.SUBJECT_BREAK))
    return advise(state, moment, Signal.ONE_PERSON), (said,)


# ---------------------------------------------------------------- the visit


def begin_visit(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Somebody is here. Who has just been asked for another code is not told of twice."""
    advised = state.advised if state.advice is Signal.RETRY else None
    return replace(state, visit=state.visit + 1, advised=advised, advice=None, presence_s=None), ()


def end_visit(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Forget what was collected: the next visit brings its own code and its own temperature."""
    forgotten = replace(
        state,
        code=None,
        advised=None,
        presence_s=None,
        conflict_until_s=None,
        glimpsed_s=None,
        measurement=fever.begin(moment.now.mono_s),
    )
    return forgotten, ()


def advise(state: GateState, moment: Moment, signal: Signal) -> GateState:
    """Show a passing sign."""
    return replace(state, advice=signal, advice_until_s=moment.now.mono_s + moment.rules.advice_s)


def note_presence(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Presence is on in this visit: from now on its break ends the visit."""
    return replace(state, presence_s=state.presence.since_s), ()


def advise_retry(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Ask for the code again; the same reason is reported once a visit."""
    reason = judgement(state, moment).reason
    return advised_once(state, moment, Signal.RETRY, reason)


def advise_one_person(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Ask that one person come at a time."""
    return advised_once(state, moment, Signal.ONE_PERSON, Reason.SEVERAL_CODES)


def advised_once(
    state: GateState, moment: Moment, signal: Signal, reason: Reason | None
) -> tuple[GateState, tuple[Action, ...]]:
    """Show a sign for `reason`; tell ops only when it is not the last reason told."""
    told = () if reason == state.advised else (Report(event=event(EventKind.RETRIED, state, moment, reason)),)
    return replace(advise(state, moment, signal), advised=reason), told


def remember_high(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """HIGH stays with the person where a code names one, and with this presence in any case."""
    if state.measurement.band is not TemperatureBand.HIGH:
        return state, ()
    person = None if state.code is None else state.code.person
    return remember_fevered(replace(state, high_here=state.presence.present), moment, person), ()


def remember_shown(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """A code shown after a HIGH, in the same presence, tells whose HIGH it was."""
    shown = moment.input.person if isinstance(moment.input, CodeScanned) else None
    return remember_fevered(state, moment, shown), ()


def remember_fevered(state: GateState, moment: Moment, person: PersonKey | None) -> GateState:
    """Refuse this person for `fevered_s` from now."""
    if person is None:
        return state
    others = tuple(entry for entry in state.fevered if entry.person != person)
    fresh = Fevered(person=person, until_s=moment.now.mono_s + moment.rules.fevered_s)
    return replace(state, fevered=(*others, fresh))


# ---------------------------------------------------------------- the grant


def order_record(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Ask the store to commit the grant. Nothing moves yet; the code counts as spent from now on."""
    seen = state.code
    if seen is None or not isinstance(seen.outcome, Credential) or seen.person is None:
        return state, ()
    grant = Grant(grant_id=state.next_grant_id, visit=state.visit, person=seen.person, code=seen.code)
    spend = None
    if seen.outcome.single_use and seen.code is not None:
        spend = Spent(code=seen.code, until_utc=seen.outcome.expires_utc)
    granted = replace(event(EventKind.GRANTED, state, moment), grant_id=grant.grant_id)
    spent = state.spent if spend is None else (*state.spent, spend)
    state = replace(state, grant=grant, next_grant_id=grant.grant_id + 1, spent=spent)
    return state, (Record(grant_id=grant.grant_id, event=granted, spend=spend),)


def release(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """The grant is committed and the person still here: let one passage begin."""
    if state.grant is None:
        return state, ()
    now_s = moment.now.mono_s
    grant = replace(state.grant, released_s=now_s)
    state = replace(state, grant=grant, released=True, answered=False, relay_changed_s=now_s)
    return state, (Release(grant_id=grant.grant_id, hold_s=moment.rules.hold_s),)


def withdraw(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Take the permission back. What has begun may finish."""
    if state.released:
        state = replace(state, released=False, relay_changed_s=moment.now.mono_s)
    return state, (Withdraw(),)


def free_egress(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Open for everybody until the panel is reset."""
    now_s = moment.now.mono_s
    return replace(state, released=True, answered=False, relay_changed_s=now_s), (FreeEgress(),)


def close_passed(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """The passage is complete: the person may not pass again for a while."""
    grant = state.grant
    if grant is None:
        return state, ()
    by = PassedBy(person=grant.person, until_utc=moment.now.wall_utc + moment.rules.passback_s)
    told = Report(event=ended(EventKind.PASSED, grant, moment), passed_by=by)
    state = replace(state, grant=None, passed=(*state.passed, by), last=grant, last_ended_s=moment.now.mono_s)
    return state, (told,)


def close_unused(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Nobody went through. The code is given back only within the same presence: its holder still stands there."""
    grant = state.grant
    if grant is None:
        return state, ()
    return give_back(replace(state, grant=None), moment, grant, back=same_presence(state))


def same_presence(state: GateState) -> bool:
    """Is the presence of this visit still unbroken?"""
    return state.presence.present and state.presence.since_s == state.presence_s


def close_grant(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Fire: end whatever was granted, truly: a body in the passage passes, a record under way is given up."""
    if state.grant is None:
        return state, ()
    if state.grant.released_s is None:
        return orphan_grant(state, moment)
    went_in = state.passage.level or state.phase is not Phase.OPEN
    return close_passed(state, moment) if went_in else close_unused(state, moment)


def orphan_grant(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Give up a grant that the store has not answered; when it does, `compensate` closes it."""
    if state.grant is None:
        return state, ()
    return replace(state, grant=None, orphans=(*state.orphans, state.grant)[-ORPHANS:]), ()


def compensate(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """A commit that came too late: NOT_USED and the code given back, in one transaction; never an opening."""
    answer = moment.input
    if not isinstance(answer, Recorded):
        return state, ()
    late = [grant for grant in state.orphans if grant.grant_id == answer.grant_id]
    kept = tuple(grant for grant in state.orphans if grant.grant_id != answer.grant_id)
    state = end_fault(replace(state, orphans=kept), Device.STORE, fault=STORE_SLOW)
    return give_back(state, moment, late[0], back=True)


def give_back(state: GateState, moment: Moment, grant: Grant, *, back: bool) -> tuple[GateState, tuple[Action, ...]]:
    """Report a grant as not used; `back` frees its code again."""
    code = grant.code if back else None
    spent = tuple(entry for entry in state.spent if code is None or entry.code != code)
    told = Report(event=ended(EventKind.NOT_USED, grant, moment), give_back=code)
    return replace(state, spent=spent), (told,)


def ended(kind: EventKind, grant: Grant, moment: Moment) -> AccessEvent:
    """How a grant ended."""
    return AccessEvent(kind=kind, at=moment.now, visit=grant.visit, grant_id=grant.grant_id)


def store_is_slow(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """No commit in time: no admission, and out of service until the store answers."""
    return add_fault(state, Device.STORE, STORE_SLOW), ()


# ---------------------------------------------------------------- alarms and service


def raise_alarm(kind: EventKind) -> Effect:
    """Make the effect that reports an alarm and latches it. A forced entry is never replaced by a lesser one."""

    def effect(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
        latched = EventKind.FORCED_OPEN if state.alarm is EventKind.FORCED_OPEN else kind
        return replace(state, alarm=latched), (Report(event=AccessEvent(kind=kind, at=moment.now, visit=state.visit)),)

    return effect


def end_alarm(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Staff have seen to it, or its cause has ended."""
    return replace(state, alarm=None), (Report(event=AccessEvent(kind=EventKind.ALARM_ENDED, at=moment.now)),)


def give_up_waiting(state: GateState, moment: Moment) -> tuple[GateState, tuple[Action, ...]]:
    """Whatever has not come up by now is a fault."""
    for device in sorted(state.awaited):
        state = add_fault(state, device, NOT_READY)
    return state, ()
