"""When the gate wants to be woken, and what it shows meanwhile: both follow from the state alone."""

from collections.abc import Callable, Iterator
from typing import Final

from gatefw.decision import debounce, fever, presence
from gatefw.decision.senses import WATCHING
from gatefw.decision.state import GateState, Phase, Rules
from gatefw.model import Credential, Signal, TemperatureBand

SIGNALS: Final = {
    Phase.STARTING: Signal.STARTING,
    Phase.OPEN: Signal.PASS,
    Phase.DESK: Signal.DESK,
    Phase.OUT_OF_SERVICE: Signal.OUT_OF_SERVICE,
    Phase.ALARM: Signal.ALARM,
    Phase.FIRE: Signal.FIRE,
}
"""The phases that show one thing only."""


def signal(state: GateState, now_s: float, rules: Rules) -> Signal:
    """What the people before the gate are shown now."""
    match state.phase:
        case Phase.PASSING:
            return Signal.MOVE_ON if now_s >= state.since_s + rules.move_on_s else Signal.PASS
        case Phase.RECORDING:
            return state.signal
        case Phase.IDLE:
            return state.advice or (Signal.READY if state.glimpsed_s is None else Signal.READING)
        case Phase.ATTENDING:
            return attending_signal(state)
        case _:
            return SIGNALS[state.phase]


def attending_signal(state: GateState) -> Signal:
    """What this visitor should do next."""
    if state.advice is not None:
        return state.advice
    measured = state.measurement
    again = measured.first_c is not None or measured.failed_tries > 0
    if measured.remeasure_at_s is not None or (measured.band is None and again):
        return Signal.REMEASURE
    held = state.code is not None and isinstance(state.code.outcome, Credential)
    if held and (measured.band is not TemperatureBand.NORMAL or not state.presence.present):
        return Signal.MEASURE
    return Signal.READY if state.glimpsed_s is None else Signal.READING


def next_deadline(state: GateState, now_s: float, rules: Rules) -> float | None:
    """Monotonic time of the next step that time alone asks for, after `now_s`; None when only an input can matter."""
    due = [at_s for at_s in deadlines(state, rules) if at_s is not None and at_s > now_s]
    return min(due, default=None)


def deadlines(state: GateState, rules: Rules) -> Iterator[float | None]:
    """Every time at which this state changes by itself."""
    for contact in (state.passage, state.fire, state.tamper, state.feedback):
        yield debounce.deadline(contact, debounce_s=rules.debounce_s)
    yield presence.deadline(state.presence, rules.presence)
    yield state.advice_until_s if state.advice is not None else None
    yield state.conflict_until_s
    yield None if state.glimpsed_s is None else state.glimpsed_s + rules.code_gap_s
    if rules.feedback_fitted:
        yield max(state.relay_changed_s, state.feedback.raw_since_s) + rules.feedback_s
        yield state.relay_changed_s + rules.feedback_s
    if state.presence.present and state.phase in WATCHING:
        yield fever.deadline(state.measurement, rules.fever)
    if state.code is not None:
        yield state.code.seen_s + rules.code_gap_s
    yield from (entry.until_s for entry in state.fevered)
    if state.phase is Phase.IDLE and state.passage.level:
        yield state.since_s + rules.held_open_s
    for seconds in PHASE_ENDS.get(state.phase, ()):
        yield state.since_s + seconds(rules)


PHASE_ENDS: Final[dict[Phase, tuple[Callable[[Rules], float], ...]]] = {
    Phase.STARTING: (lambda rules: rules.start_s,),
    Phase.OUT_OF_SERVICE: (lambda rules: rules.start_s,),
    Phase.ATTENDING: (lambda rules: rules.join_s,),
    Phase.RECORDING: (lambda rules: rules.record_s,),
    Phase.OPEN: (lambda rules: rules.hold_s, lambda rules: rules.hold_s + rules.grace_s),
    Phase.PASSING: (lambda rules: rules.move_on_s, lambda rules: rules.held_open_s),
    Phase.DESK: (lambda rules: rules.desk_s, lambda rules: rules.desk_limit_s),
    Phase.ALARM: (lambda rules: rules.alarm_s,),
}
"""How long a phase lasts by itself, in seconds of `Rules`."""
