"""Fever: what a measurement may say, and that only a sound, stable, normal one is NORMAL."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf, isfinite, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.decision.fever import (
    FeverRules,
    Measurement,
    begin,
    corrected_c,
    deadline,
    guard_c,
    lapse,
    observe,
    uncertainty_c,
)
from gatefw.model import Reading, TemperatureBand

RULES = FeverRules()
EXACT = replace(RULES, emissivity=1.0, c0_c=0.0)
"""Without corrections, so that a table can name body temperatures."""
STEP_S = RULES.settling_s
FLICKER = (0.0, 0.02, -0.02, 0.04, -0.04, 0.02, 0.0, -0.02, 0.04, -0.04, 0.0)


def reading(object_c: float, at_s: float, ambient_c: float = 22.0) -> Reading:
    return Reading(
        object_c=object_c,
        ambient_c=ambient_c,
        object_raw=round((object_c + 273.15) / 0.02) if isfinite(object_c) else 0,
        ambient_raw=round((ambient_c + 273.15) / 0.02) if isfinite(ambient_c) else 0,
        at_s=at_s,
    )


def steady(body_c: float, ambient_c: float = 22.0, *, at_s: float = 0.0, count: int = 9) -> list[Reading]:
    """Readings whose every window of nine has the median `body_c`, with a little life in them."""
    return [
        reading(body_c + FLICKER[number % 9 if number % 9 else 0], at_s + number * STEP_S, ambient_c)
        for number in range(count)
    ]


def feed(m: Measurement, readings: Iterable[Reading], rules: FeverRules = EXACT) -> Measurement:
    for each in readings:
        m = observe(m, each, rules)
    return m


# ---------------------------------------------------------------- one measurement

W_C = guard_c(EXACT)


@pytest.mark.parametrize(
    ("body_c", "band"),
    [
        (34.5, TemperatureBand.NORMAL),
        (36.5, TemperatureBand.NORMAL),
        (37.3 - W_C - 0.01, TemperatureBand.NORMAL),
        (37.3 - W_C + 0.01, None),
        (37.3, None),
        (37.3 + W_C - 0.01, None),
        (37.3 + W_C + 0.01, TemperatureBand.HIGH),
        (42.0, TemperatureBand.HIGH),
        (34.49, None),
        (30.0, None),
    ],
)
def test_one_stable_measurement_says_this(body_c: float, band: TemperatureBand | None) -> None:
    m = feed(begin(0.0), steady(body_c))
    assert m.band is band
    assert (m.remeasure_at_s is None) == (band is not None)


def test_eight_readings_say_nothing_yet() -> None:
    assert feed(begin(0.0), steady(36.5, count=8)).band is None


@pytest.mark.parametrize(
    ("ambient_c", "band"),
    [
        (15.9, TemperatureBand.AMBIENT_OUT_OF_RANGE),
        (16.0, TemperatureBand.NORMAL),
        (35.0, TemperatureBand.NORMAL),
        (35.1, TemperatureBand.AMBIENT_OUT_OF_RANGE),
        (-20.0, TemperatureBand.AMBIENT_OUT_OF_RANGE),
    ],
)
def test_outside_the_parts_envelope_nothing_is_normal(ambient_c: float, band: TemperatureBand) -> None:
    assert feed(begin(0.0), steady(36.5, ambient_c)).band is band


# ---------------------------------------------------------------- the second measurement


@pytest.mark.parametrize(
    ("first_c", "second_c", "band"),
    [
        (37.2, 37.2, TemperatureBand.NORMAL),
        (37.2, 37.38, TemperatureBand.NORMAL),
        (37.2, 37.42, TemperatureBand.HIGH),
        (37.4, 37.18, TemperatureBand.NORMAL),
        (37.4, 37.22, TemperatureBand.HIGH),
        (37.3, 37.32, TemperatureBand.HIGH),
    ],
)
def test_the_second_measurement_is_pooled_with_the_first(
    first_c: float, second_c: float, band: TemperatureBand
) -> None:
    m = feed(begin(0.0), steady(first_c))
    assert m.remeasure_at_s is not None
    assert feed(m, steady(second_c, at_s=m.remeasure_at_s)).band is band


def test_nothing_is_collected_before_the_second_is_due() -> None:
    m = feed(begin(0.0), steady(37.2))
    assert m.remeasure_at_s == pytest.approx(8 * STEP_S + 5.0)
    assert deadline(m, EXACT) == m.remeasure_at_s
    early = feed(m, steady(36.0, at_s=1.5, count=30))
    assert early.band is None
    assert early.times_s == ()
    due = lapse(m, m.remeasure_at_s, EXACT)
    assert due.remeasure_at_s is None
    assert due.first_c == m.first_c


def test_too_cold_is_measured_three_times_and_is_then_low() -> None:
    m = begin(0.0)
    for at_s in (0.0, 6.2):
        m = feed(m, steady(33.0, at_s=at_s))
        assert m.band is None
    assert feed(m, steady(33.0, at_s=12.5)).band is TemperatureBand.LOW


def test_who_warms_up_meanwhile_is_measured_for_what_they_are() -> None:
    m = feed(begin(0.0), steady(33.0))
    assert feed(m, steady(36.5, at_s=6.2)).band is TemperatureBand.NORMAL


# ---------------------------------------------------------------- stability


def ramp(slope_c_per_s: float, *, at_s: float = 0.0) -> list[Reading]:
    return [
        reading(36.0 + slope_c_per_s * number * STEP_S + FLICKER[number], at_s + number * STEP_S) for number in range(9)
    ]


@pytest.mark.parametrize(("slope", "stable"), [(0.5, True), (-0.5, True), (0.7, False), (-0.7, False)])
def test_a_trend_beyond_its_own_error_is_not_stable(slope: float, stable: bool) -> None:
    m = feed(begin(0.0), ramp(slope))
    assert (m.band is TemperatureBand.NORMAL) is stable
    assert m.failed_tries == (0 if stable else 1)


def test_a_housing_that_warms_is_not_stable() -> None:
    readings = [reading(36.5 + FLICKER[n], n * STEP_S, 22.0 + 0.25 * n * STEP_S) for n in range(9)]
    assert feed(begin(0.0), readings).failed_tries == 1


def test_a_wide_spread_is_not_stable() -> None:
    swing = [reading(36.5 + (-0.3, 0.0, 0.3)[n % 3], n * STEP_S) for n in range(9)]
    assert feed(begin(0.0), swing).failed_tries == 1


def test_three_unstable_tries_are_given_up() -> None:
    m = begin(0.0)
    for number in range(3):
        assert m.band is None
        m = feed(m, ramp(1.0, at_s=number * 1.3))
    assert m.band is TemperatureBand.UNSTABLE


def test_one_wild_reading_among_nine_is_outvoted() -> None:
    readings = steady(36.5)
    readings[4] = replace(readings[4], object_c=37.9)
    assert feed(begin(0.0), readings).band is TemperatureBand.NORMAL


def test_a_step_begins_the_window_afresh_and_is_no_try() -> None:
    m = feed(begin(0.0), [*steady(30.0, count=5), *steady(36.5, at_s=5 * STEP_S, count=8)])
    assert m.band is None
    assert m.failed_tries == 0
    assert observe(m, reading(36.5, 13 * STEP_S), EXACT).band is TemperatureBand.NORMAL


@pytest.mark.parametrize("spike_c", [45.0, 60.0, 20.0])
def test_what_is_no_skin_begins_the_window_afresh(spike_c: float) -> None:
    m = feed(begin(0.0), [*steady(36.5, count=8), reading(spike_c, 8 * STEP_S)])
    assert m.times_s == ()
    assert m.band is None


def test_a_third_of_the_samples_may_be_missing_and_no_more() -> None:
    every = steady(36.5, count=40)
    two_of_three = [one for number, one in enumerate(every) if number % 3]
    one_of_two = every[::2]
    assert feed(begin(0.0), two_of_three).band is TemperatureBand.NORMAL
    assert feed(begin(0.0), one_of_two).band is None


# ---------------------------------------------------------------- time


def test_nobody_to_measure_is_told_after_the_time_for_all_tries() -> None:
    m = begin(100.0)
    assert deadline(m, EXACT) == 115.0
    assert lapse(m, 114.99, EXACT) == m
    assert lapse(m, 115.0, EXACT).band is TemperatureBand.NO_SUBJECT
    assert deadline(lapse(m, 115.0, EXACT), EXACT) is None


def test_a_measurement_without_end_is_given_up() -> None:
    m = feed(begin(0.0), steady(36.5, count=4))
    assert lapse(m, 15.0, EXACT).band is TemperatureBand.UNSTABLE


def test_an_old_or_repeated_reading_is_ignored() -> None:
    m = feed(begin(0.0), steady(36.5, count=4))
    assert observe(m, reading(36.5, 3 * STEP_S), EXACT) == m
    assert observe(m, reading(36.5, 0.1), EXACT) == m


def test_a_band_stands_whatever_is_read_later() -> None:
    m = feed(begin(0.0), steady(41.0))
    later = feed(m, steady(36.5, at_s=2.0, count=60))
    assert later.band is TemperatureBand.HIGH


# ---------------------------------------------------------------- faults


def frozen(count: int, *, at_s: float = 0.0) -> list[Reading]:
    return [reading(36.5, at_s + number * STEP_S) for number in range(count)]


def test_a_frozen_sensor_is_never_normal_and_a_fault_after_five_seconds() -> None:
    m = begin(0.0)
    for each in frozen(60):
        m = observe(m, each, EXACT)
        assert m.band is (TemperatureBand.FAULT if each.at_s >= 5.0 else None)


def test_a_sensor_that_freezes_after_the_band_is_still_a_fault() -> None:
    m = feed(begin(0.0), steady(36.5))
    assert m.band is TemperatureBand.NORMAL
    assert feed(m, frozen(60, at_s=2.0)).band is TemperatureBand.FAULT


def test_a_word_that_changes_at_last_was_not_frozen() -> None:
    m = feed(begin(0.0), [*frozen(20), reading(36.52, 20 * STEP_S)])
    assert m.band is TemperatureBand.NORMAL


def test_an_object_that_stands_still_while_the_housing_lives_is_not_frozen() -> None:
    readings = [reading(36.5, n * STEP_S, 22.0 + 0.02 * (n % 2)) for n in range(60)]
    assert feed(begin(0.0), readings).band is TemperatureBand.NORMAL


not_normal_c = st.one_of(
    st.floats(37.3, 38.0), st.floats(37.3, 43), st.floats(max_value=28, exclude_max=True, min_value=-300), st.just(37.3)
)


@given(st.lists(not_normal_c, min_size=1, max_size=60), st.floats(37.3, 42), st.lists(st.floats(0, 0.3), max_size=40))
def test_normal_is_never_said_of_37_3_or_more(wild: list[float], base_c: float, lives: list[float]) -> None:
    m = begin(0.0)
    for number, object_c in enumerate([*wild, *(base_c + life for life in lives)]):
        m = observe(m, reading(object_c, number * STEP_S), EXACT)
        assert m.band is not TemperatureBand.NORMAL
        assert len(m.times_s) == len(m.objects_c) == len(m.ambients_c) < EXACT.samples


@given(st.integers(0, 7), st.sampled_from(["object_c", "ambient_c", "at_s"]), st.sampled_from([nan, inf, -inf]))
def test_one_number_that_is_none_and_nothing_is_normal_any_more(where: int, field: str, bad: float) -> None:
    readings = steady(36.5, count=30)
    readings[where] = replace(readings[where], **{field: bad})
    m = feed(begin(0.0), readings)
    if field == "at_s" and bad == -inf and where:
        assert m.band is TemperatureBand.NORMAL  # older than all others: ignored like any late one
    elif field == "at_s":
        assert m.band is not TemperatureBand.NORMAL
    else:
        assert m.band is TemperatureBand.FAULT


@given(st.floats(37.3, 43), st.floats(37.3, 43), st.integers(0, 99))
def test_two_measurements_at_the_limit_or_above_are_high(first_c: float, second_c: float, seed: int) -> None:
    lives = Random(seed)

    def at(body_c: float, at_s: float) -> list[Reading]:
        return [reading(body_c + lives.uniform(0, 0.1), at_s + n * STEP_S) for n in range(9)]

    m = feed(begin(0.0), at(min(first_c, 42.9), 0.0))
    m = feed(m, at(min(second_c, 42.9), 6.5))
    assert m.band is TemperatureBand.HIGH


# ---------------------------------------------------------------- correction and uncertainty


@pytest.mark.parametrize(
    ("object_c", "ambient_c", "skin_c"),
    [(35.0, 25.0, 35.19), (35.0, 16.0, 35.35), (35.0, 35.0, 35.0), (36.2, 22.0, 36.47)],
)
def test_the_emissivity_is_inverted(object_c: float, ambient_c: float, skin_c: float) -> None:
    rules = replace(RULES, c0_c=0.0)
    assert corrected_c(object_c, ambient_c, rules) == pytest.approx(skin_c, abs=0.02)


@given(st.floats(28, 43), st.floats(16, 35))
def test_the_correction_undoes_what_the_radiation_did(skin_c: float, ambient_c: float) -> None:
    own, mirrored = (skin_c + 273.15) ** 4, (ambient_c + 273.15) ** 4
    read_c = (0.98 * own + 0.02 * mirrored) ** 0.25 - 273.15
    assert corrected_c(read_c, ambient_c, RULES) == pytest.approx(skin_c + 0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "body_c"),
    [
        ({}, 36.0),
        ({"supply_v": 3.3}, 35.82),
        ({"device_offset_c": 0.2}, 36.2),
        ({"c0_c": 0.5}, 36.5),
        ({"c0_c": 0.5, "c1": 0.1}, 36.7),
        ({"c0_c": 2.4, "c1": 0.1}, 38.5),
        ({"c0_c": -2.4, "c1": -0.1}, 33.5),
    ],
)
def test_each_correction_does_its_part_and_the_sites_is_bounded(changed: dict[str, float], body_c: float) -> None:
    rules = replace(EXACT, **changed)  # type: ignore[arg-type]
    assert corrected_c(36.0, 22.0, rules) == pytest.approx(body_c, abs=1e-9)


def test_the_uncertainty_is_the_root_of_the_squares() -> None:
    only_sampling = replace(RULES, u_sensor_c=0.0, u_supply_c=0.0, u_emissivity_c=0.0, u_c0_c=0.0)
    assert uncertainty_c(only_sampling) == pytest.approx(1.2533 * 0.18 / 3)
    whole = replace(only_sampling, u_c0_c=0.3)
    assert uncertainty_c(whole) == pytest.approx((0.3**2 + (1.2533 * 0.06) ** 2) ** 0.5)
    assert guard_c(whole) == pytest.approx(1.64 * uncertainty_c(whole))


@pytest.mark.parametrize(
    "changed",
    [
        {"samples": 1},
        {"frozen_samples": 1},
        {"frozen_samples": 10},
        {"settling_s": 0.3},
        {"noise_c": 0.0},
        {"good_fraction": 0.4},
        {"max_tries": 0},
        {"remeasure_after_s": 15.0},
        {"object_min_c": 50.0},
        {"limit_c": 39.0},
        {"low_c": 37.4},
        {"emissivity": 1.1},
        {"correction_limit_c": 3.0},
        {"ambient_min_c": 36.0},
        {"u_c0_c": -0.1},
        {"guard_k": 0.0},
        {"supply_v": 9.0},
        {"frozen_s": 0.0},
        {"step_c": 0.0},
        {"c1": 1.0},
        {"limit_c": nan},
        {"reference_ambient_c": nan},
        {"c0_c": inf},
    ],
)
def test_rules_that_can_not_be_meant_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="fever rules"):
        FeverRules(**changed)  # type: ignore[arg-type]
