"""Presence: a rise over the empty lane, never silence, drift or a hot wall."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.decision.presence import (
    NOBODY,
    LaneFault,
    Presence,
    PresenceRules,
    deadline,
    lapse,
    observe,
)
from gatefw.model import Reading

RULES = PresenceRules()
STEP_S = 0.14


def reading(object_c: float, at_s: float, ambient_c: float = 22.0) -> Reading:
    raw = 0
    return Reading(object_c=object_c, ambient_c=ambient_c, object_raw=raw, ambient_raw=raw, at_s=at_s)


def lane(objects_c: list[float], *, start: Presence = NOBODY, at_s: float = 0.0, step_s: float = STEP_S) -> Presence:
    for number, object_c in enumerate(objects_c):
        start = observe(start, reading(object_c, at_s + number * step_s), RULES)
    return start


EMPTY = lane([22.0] * 100)


@pytest.mark.parametrize(
    ("object_c", "present"),
    [(35.0, True), (28.0, True), (43.0, True), (27.9, False), (43.1, False), (22.0, False), (-10.0, False)],
)
def test_only_what_skin_can_show_is_a_person(object_c: float, present: bool) -> None:
    assert observe(EMPTY, reading(object_c, 20.0), RULES).present is present


@pytest.mark.parametrize(("object_c", "present"), [(31.8, False), (32.0, True)])
def test_only_a_rise_over_the_lane_is_a_person(object_c: float, present: bool) -> None:
    warm = lane([27.9] * 20, step_s=5.0)
    assert observe(warm, reading(object_c, 200.0), RULES).present is present


def test_somebody_who_stands_there_at_the_start_is_seen_against_the_housing() -> None:
    assert lane([35.0]).present
    assert not lane([22.0]).present
    assert not observe(NOBODY, reading(30.0, 0.0, ambient_c=27.0), RULES).present


def test_silence_ends_presence_at_its_deadline_and_not_before() -> None:
    there = observe(EMPTY, reading(35.0, 20.0), RULES)
    due_s = deadline(there, RULES)
    assert due_s == 21.0
    assert lapse(there, 20.99, RULES) == there
    gone = lapse(there, due_s, RULES)
    assert (gone.present, gone.since_s, gone.last_seen_s) == (False, None, None)
    assert deadline(gone, RULES) is None


def test_a_short_look_away_does_not_break_it_and_a_long_one_begins_a_new_one() -> None:
    there = observe(EMPTY, reading(35.0, 20.0), RULES)
    back = observe(observe(there, reading(24.0, 20.5), RULES), reading(35.0, 20.9), RULES)
    assert back.since_s == 20.0
    assert back.empty_lane_c == EMPTY.empty_lane_c
    assert observe(back, reading(35.0, 22.0), RULES).since_s == 22.0


def test_who_stands_long_does_not_become_the_lane() -> None:
    there = lane([35.0] * 1500, start=EMPTY, at_s=20.0)
    assert there.present
    assert there.baseline_c == 22.0


def test_a_lane_that_warms_slowly_is_followed_and_is_nobody() -> None:
    state, seen = NOBODY, []
    for minute in range(120):
        for second in range(0, 60, 5):
            state = observe(state, reading(18.0 + minute * 0.1, minute * 60.0 + second), RULES)
            seen.append(state.present)
    assert not any(seen)
    assert state.fault is None
    assert observe(state, reading(35.5, 7201.0), RULES).present


def test_a_short_heat_does_not_move_the_baseline() -> None:
    spiked = lane([55.0] * 100, start=lane([22.0] * 20, step_s=5.0), at_s=100.0)
    assert spiked.baseline_c == 22.0


def test_a_hot_lane_is_a_fault_and_ends_when_it_cools() -> None:
    hot = lane([60.0] * 20, start=EMPTY, at_s=20.0, step_s=5.0)
    assert hot.fault is LaneFault.HOT_BASELINE
    cooled = lane([22.0] * 20, start=hot, at_s=200.0, step_s=5.0)
    assert cooled.fault is None


def test_what_never_leaves_is_no_person() -> None:
    stuck = lane([36.0] * 31, start=EMPTY, at_s=20.0, step_s=0.9)
    assert stuck.fault is None
    stuck = lane([36.0] * 400, start=stuck, at_s=48.0, step_s=0.9)
    assert stuck.fault is LaneFault.PRESENCE_STUCK
    assert lapse(stuck, 1000.0, RULES).fault is None


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_a_number_that_is_none_is_no_reading(bad: float) -> None:
    assert observe(EMPTY, reading(bad, 20.0), RULES) == EMPTY
    assert observe(EMPTY, reading(35.0, 20.0, ambient_c=bad), RULES) == EMPTY


@given(st.lists(st.tuples(st.floats(), st.floats(), st.floats(0.01, 9)), max_size=60))
def test_presence_is_never_without_a_good_recent_reading(samples: list[tuple[float, float, float]]) -> None:
    state, at_s = NOBODY, 0.0
    for object_c, ambient_c, wait_s in samples:
        at_s += wait_s
        state = observe(state, reading(object_c, at_s, ambient_c), RULES)
        assert state.present == (state.since_s is not None) == (state.last_seen_s is not None)
        assert state.last_seen_s is None or at_s - state.last_seen_s < RULES.gap_s
        assert len(state.empty_lane_c) <= RULES.baseline_samples
        if state.last_seen_s == at_s:
            assert 28.0 <= object_c <= 43.0


@pytest.mark.parametrize(
    "changed",
    [
        {"rise_k": nan},
        {"rise_k": 0.0},
        {"gap_s": -1.0},
        {"object_min_c": 44.0},
        {"baseline_samples": 0},
        {"stuck_s": 0.5},
    ],
)
def test_rules_that_can_not_be_meant_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="presence rules"):
        PresenceRules(**changed)  # type: ignore[arg-type]
