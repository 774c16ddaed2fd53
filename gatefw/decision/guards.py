"""The conditions under which a row of the gate's table is taken: each looks at state and moment, at nothing else."""

from collections.abc import Callable

from gatefw.decision.admission import Word, judge_refusal
from gatefw.decision.effects import judgement, same_presence, way_clear
from gatefw.decision.senses import Moment
from gatefw.decision.state import GateState, Rules
from gatefw.model import CodeScanned, Credential, Device, EventKind, PassageSensed, Recorded, Refusal, Signal

Guard = Callable[[GateState, Moment], bool]


def always(state: GateState, moment: Moment) -> bool:
    """Whenever the input comes."""
    return True


def after(seconds: Callable[[Rules], float]) -> Guard:
    """Make the guard that holds once the phase has lasted so long."""

    def guard(state: GateState, moment: Moment) -> bool:
        return moment.now.mono_s >= state.since_s + seconds(moment.rules)

    return guard


def says(word: Word) -> Guard:
    """Make the guard that holds when the rule of admission says `word`."""

    def guard(state: GateState, moment: Moment) -> bool:
        return judgement(state, moment).word is word

    return guard


def fire(state: GateState, moment: Moment) -> bool:
    """The fire panel calls, or its line is cut."""
    return state.fire.level


def body_came(state: GateState, moment: Moment) -> bool:
    """A body entered the passage."""
    return isinstance(moment.input, PassageSensed) and moment.input.occupied


def body_admitted(state: GateState, moment: Moment) -> bool:
    """A body entered within its window, by the time of the edge: a loop that was late admits nobody more."""
    return body_came(state, moment) and state.passage.raw_since_s < window_end_s(state, moment)


def window_end_s(state: GateState, moment: Moment) -> float:
    """Monotonic end of the time in which a passage may begin."""
    return state.since_s + moment.rules.hold_s + moment.rules.grace_s


def body_followed(state: GateState, moment: Moment) -> bool:
    """A body entered right behind the one that was let through."""
    close = moment.now.mono_s < state.last_ended_s + moment.rules.tailgate_s
    return body_came(state, moment) and state.last is not None and close


def body_left(state: GateState, moment: Moment) -> bool:
    """The passage is clear again."""
    return isinstance(moment.input, PassageSensed) and not moment.input.occupied


def granted_left(state: GateState, moment: Moment) -> bool:
    """The body that was let through is out, though an alarm came meanwhile."""
    return body_left(state, moment) and state.grant is not None


def out_of_service(state: GateState, moment: Moment) -> bool:
    """Something that an admission depends on does not work."""
    return not state.in_service


def in_service(state: GateState, moment: Moment) -> bool:
    """Everything works."""
    return state.in_service


def any_down(state: GateState, moment: Moment) -> bool:
    """A device says that it does not work."""
    return bool(state.down)


def thermometer_down(state: GateState, moment: Moment) -> bool:
    """The thermometer failed while somebody stood before it."""
    return any(entry.device is Device.THERMOMETER for entry in state.down)


def barrier_down(state: GateState, moment: Moment) -> bool:
    """The relay does not do what it is told, and nobody is just entering."""
    return any(entry.device is Device.BARRIER for entry in state.down) and not state.passage.raw


def somebody(state: GateState, moment: Moment) -> bool:
    """A forehead is before us, or a code that says something of a person."""
    return state.presence.present or (code_in_view(state, moment) and not code_is_noise(state, moment))


def code_is_noise(state: GateState, moment: Moment) -> bool:
    """The code says nothing of anybody: a poster, a payment code, a torn or outdated one."""
    outcome = None if state.code is None else state.code.outcome
    return isinstance(outcome, Refusal) and judge_refusal(outcome.reason).word is Word.RETRY


def code_in_view(state: GateState, moment: Moment) -> bool:
    """A code was seen a moment ago."""
    return state.code is not None and moment.now.mono_s < state.code.seen_s + moment.rules.code_gap_s


def presence_new(state: GateState, moment: Moment) -> bool:
    """Presence came on in a visit that knew only a code."""
    return state.presence.present and state.presence_s is None


def presence_broke(state: GateState, moment: Moment) -> bool:
    """The presence of this visit ended, or nobody ever stood there and nothing is left to answer."""
    if state.presence_s is not None:
        return state.presence.since_s != state.presence_s
    answered = state.advice is None and state.conflict_until_s is None
    return not state.presence.present and not code_in_view(state, moment) and answered


denied = says(Word.DENY)
assisted = says(Word.ASSIST)
may_grant = says(Word.GRANT)
start_over = after(lambda rules: rules.start_s)


def start_over_awaited(state: GateState, moment: Moment) -> bool:
    """Something fails, and something else never came up at all: that is a fault of its own."""
    return bool(state.awaited) and start_over(state, moment)


record_over = after(lambda rules: rules.record_s)
passage_over = after(lambda rules: rules.held_open_s)


def must_advise(state: GateState, moment: Moment) -> bool:
    """The code must be shown again, and no sign says so yet."""
    return state.advice is None and says(Word.RETRY)(state, moment)


def must_advise_noise(state: GateState, moment: Moment) -> bool:
    """A code of nobody is shown while nobody stands there: only a sign answers it."""
    return state.advice is None and state.in_service and code_is_noise(state, moment)


def must_separate(state: GateState, moment: Moment) -> bool:
    """Two codes were seen, and no sign says so yet."""
    return state.advice is not Signal.ONE_PERSON and state.conflict_until_s is not None


def own_answer(state: GateState, moment: Moment) -> bool:
    """The store answers for the grant under way."""
    return (
        isinstance(moment.input, Recorded) and state.grant is not None and moment.input.grant_id == state.grant.grant_id
    )


def too_late(state: GateState, moment: Moment) -> bool:
    """The store answers after the time in which a visitor may be kept waiting."""
    return own_answer(state, moment) and record_over(state, moment)


def may_open(state: GateState, moment: Moment) -> bool:
    """Committed in time, everything still works, and the same person still stands there."""
    works = state.in_service and moment.now.trusted
    return own_answer(state, moment) and works and same_presence(state) and way_clear(state)


def late_answer(state: GateState, moment: Moment) -> bool:
    """The store answers for a grant that was given up."""
    answer = moment.input
    return isinstance(answer, Recorded) and any(grant.grant_id == answer.grant_id for grant in state.orphans)


def blocked(state: GateState, moment: Moment) -> bool:
    """A body (or a broken contact) has been in the passage for too long, let through by nobody just now."""
    return state.passage.level and passage_over(state, moment)


def window_over(state: GateState, moment: Moment) -> bool:
    """Nobody began the passage within its window."""
    end_s = window_end_s(state, moment)
    entering = state.passage.raw and state.passage.raw_since_s < end_s
    return moment.now.mono_s >= end_s and not entering


def desk_over(state: GateState, moment: Moment) -> bool:
    """The sign was shown long enough, and its reader is gone or may try again."""
    if not after(lambda rules: rules.desk_s)(state, moment):
        return False
    if not somebody(state, moment) or not state.in_service:
        return True
    return not state.high_here and after(lambda rules: rules.desk_limit_s)(state, moment)


def shown_after_high(state: GateState, moment: Moment) -> bool:
    """Whoever was just measured HIGH shows a code."""
    shown = moment.input
    return isinstance(shown, CodeScanned) and isinstance(shown.outcome, Credential) and state.high_here


def body_granted(state: GateState, moment: Moment) -> bool:
    """A body that was let through is still in the passage."""
    return state.grant is not None and state.passage.level


def held_open_over(state: GateState, moment: Moment) -> bool:
    """The passage that was held open is clear again."""
    return state.alarm is EventKind.HELD_OPEN and not state.passage.level


def tailgating_over(state: GateState, moment: Moment) -> bool:
    """The tailgater is long gone."""
    over = after(lambda rules: rules.alarm_s)(state, moment)
    return state.alarm is EventKind.TAILGATING and over and not state.passage.level


def fire_over(state: GateState, moment: Moment) -> bool:
    """The panel was reset."""
    return not state.fire.level


def fire_over_alarmed(state: GateState, moment: Moment) -> bool:
    """The panel was reset, and an alarm from before still waits for staff."""
    return fire_over(state, moment) and alarmed(state, moment)


def alarmed(state: GateState, moment: Moment) -> bool:
    """An alarm waits for staff."""
    return state.alarm is not None
