"""When the gate wants to be woken, and what it shows meanwhile."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.decision import gate
from gatefw.decision.debounce import Contact
from gatefw.decision.state import GateState, Phase, Rules
from gatefw.decision.timing import PHASE_ENDS, SIGNALS, next_deadline, signal
from gatefw.model import Instant, Signal

RULES = Rules(feedback_fitted=False)
NOW_S = 100.0


def state(phase: Phase) -> GateState:
    begun, _ = gate.start(Instant(mono_s=NOW_S, wall_utc=NOW_S, uncertainty_s=0.0, trusted=True), awaited=frozenset())
    return replace(begun, phase=phase)


@pytest.mark.parametrize("phase", list(PHASE_ENDS))
def test_a_phase_is_woken_at_each_of_its_ends_and_never_in_the_past(phase: Phase) -> None:
    ends_s = sorted(NOW_S + seconds(RULES) for seconds in PHASE_ENDS[phase])
    now_s = NOW_S
    for end_s in ends_s:
        assert next_deadline(state(phase), now_s, RULES) == end_s
        now_s = end_s
    assert next_deadline(state(phase), now_s, RULES) is None


def test_an_idle_gate_with_nobody_before_it_sleeps() -> None:
    assert next_deadline(state(Phase.IDLE), NOW_S, RULES) is None


def test_a_bouncing_contact_wakes_the_gate_when_it_will_count() -> None:
    bouncing = replace(state(Phase.IDLE), fire=Contact(raw=True, raw_since_s=NOW_S))
    assert next_deadline(bouncing, NOW_S, RULES) == NOW_S + RULES.debounce_s


def test_a_blocked_passage_wakes_an_idle_gate() -> None:
    blocked = replace(state(Phase.IDLE), passage=Contact(raw=True, level=True, raw_since_s=1.0))
    assert next_deadline(blocked, NOW_S, RULES) == NOW_S + RULES.held_open_s


@given(st.floats(0, 1e6), st.sampled_from(Phase))
def test_no_deadline_lies_in_the_past(now_s: float, phase: Phase) -> None:
    due_s = next_deadline(state(phase), now_s, RULES)
    assert due_s is None or due_s > now_s


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_shows_a_sign_and_only_an_open_one_lets_pass(phase: Phase) -> None:
    shown = signal(state(phase), NOW_S, RULES)
    assert shown is SIGNALS.get(phase, shown)
    assert (shown is Signal.PASS) == (phase in {Phase.OPEN, Phase.PASSING})


def test_who_stays_in_the_passage_is_asked_to_move_on() -> None:
    passing = state(Phase.PASSING)
    assert signal(passing, NOW_S + RULES.move_on_s - 0.01, RULES) is Signal.PASS
    assert signal(passing, NOW_S + RULES.move_on_s, RULES) is Signal.MOVE_ON
