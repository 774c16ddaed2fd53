"""Who comes: drawn crowds, and plans that can't be."""

from collections import Counter

import pytest

from gatefw.decision.fever import FeverRules, uncertainty_c
from gatefw.simulation.visitors import (
    FEVER_SKIN_C,
    KINDS,
    LOW_SKIN_C,
    NORMAL_SKIN_C,
    Code,
    VisitorPlan,
    draw_plans,
    plan_visitor,
)

RULES = FeverRules()
NOISE_C = 3 * 1.2533 * RULES.noise_c / RULES.samples**0.5
GUARD_C = 1.64 * uncertainty_c(RULES) + NOISE_C


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [8, 12, 200])
def test_crowd_of_eight_or_more_holds_six_kinds_early(seed: int, count: int) -> None:
    plans = draw_plans(count, seed)
    assert len(plans) == count
    assert len({plan.kind for plan in plans[:8]}) >= 6
    assert [plan.number for plan in plans] == list(range(1, count + 1))


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_small_crowds_are_as_many_as_asked_for(count: int) -> None:
    assert len(draw_plans(count, 7)) == count


def test_same_seed_draws_the_same_crowd_and_another_seed_another() -> None:
    assert draw_plans(40, 7) == draw_plans(40, 7)
    assert draw_plans(40, 7) != draw_plans(40, 8)


def test_big_crowd_is_mostly_healthy_and_holds_every_kind() -> None:
    kinds = Counter(plan.kind for plan in draw_plans(600, 3))
    assert kinds.most_common(1)[0][0] == "green_normal"
    assert set(kinds) == set(KINDS)


def test_only_the_kinds_asked_for_come() -> None:
    assert {plan.kind for plan in draw_plans(30, 1, ["red", "fever"])} == {"red", "fever"}


def test_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="'purple' is no kind of visitor"):
        draw_plans(3, 1, ["purple"])


def test_skins_lie_clear_of_the_limits() -> None:
    assert NORMAL_SKIN_C[1] + RULES.c0_c < RULES.limit_c - GUARD_C
    assert NORMAL_SKIN_C[0] + RULES.c0_c > RULES.low_c + GUARD_C
    assert FEVER_SKIN_C[0] + RULES.c0_c > RULES.limit_c + GUARD_C
    assert LOW_SKIN_C[1] + RULES.c0_c < RULES.low_c - GUARD_C


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_visitor_is_as_its_kind_says(kind: str) -> None:
    for number in range(1, 30):
        plan = plan_visitor(number, kind, 5)
        low_c, high_c = KINDS[kind].skin_c
        assert low_c <= plan.forehead_c <= high_c
        assert plan.code is KINDS[kind].code
        assert plan.expected == KINDS[kind].expected
        assert abs(plan.pose.roll_deg) <= 15 and abs(plan.pose.yaw_deg) <= 15 and abs(plan.pose.pitch_deg) <= 15


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"code": Code.LITERAL}, "give `literal`"),
        ({"code": Code.GREEN, "literal": "x"}, "give `literal`"),
        ({"code": Code.PICTURE}, "give `raw`"),
        ({"code": Code.PICTURE, "literal": "x", "raw": b"x"}, "give `literal`"),
        ({"code": Code.GREEN, "raw": b"x"}, "give `raw`"),
        ({"code": Code.BINARY, "raw": bytes(7090)}, "no QR code holds"),
        ({"code": Code.LITERAL, "literal": "x" * 7090}, "no QR code holds"),
        ({"code": Code.GREEN, "forehead_c": float("nan")}, "forehead_c must be a number"),
        ({"code": Code.GREEN, "patience_s": float("inf")}, "patience_s must be a number"),
        ({"code": Code.GREEN, "sensor_fault": "sulks"}, "the sensor's faults are"),
    ],
)
def test_plan_that_cannot_be_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        VisitorPlan(number=3, kind="odd", expected="refused", **wrong)  # type: ignore[arg-type]
