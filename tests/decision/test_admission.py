"""The rule of admission: what grants, and that nothing else does."""

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.decision.admission import ASSISTED, DENIED, Evidence, Judgement, Word, judge
from gatefw.model import Colour, Credential, Format, Instant, Reason, Refusal, TemperatureBand

NOW = Instant(mono_s=50.0, wall_utc=1_000_000.0, uncertainty_s=1.0, trusted=True)
GREEN = Credential(
    format=Format.JIXIANG,
    issuer="issuer",
    key_id=b"k",
    subject=b"",
    code_id=b"c",
    colour=Colour.GREEN,
    expires_utc=NOW.wall_utc + 60.0,
    copyable=False,
    single_use=True,
)
GRANTING = Evidence(
    code=GREEN,
    joined=True,
    present=True,
    way_clear=True,
    band=TemperatureBand.NORMAL,
    in_service=True,
    spent=False,
    passed_before=False,
    fevered=False,
    time_up=False,
    advised=None,
    static_codes="assist",
    now=NOW,
)


def refused(reason: Reason) -> Refusal:
    return Refusal(format=Format.JIXIANG, reason=reason, detail="")


def test_green_and_normal_in_one_presence_is_granted() -> None:
    assert judge(GRANTING) == Judgement(word=Word.GRANT)


def test_what_has_its_time_up_is_granted_when_all_is_proven() -> None:
    assert judge(replace(GRANTING, time_up=True)).word is Word.GRANT


OTHER_THAN_GRANTING = [
    ({"code": None}, Word.WAIT, None),
    ({"joined": False}, Word.WAIT, None),
    ({"present": False}, Word.WAIT, None),
    ({"way_clear": False}, Word.WAIT, None),
    ({"in_service": False}, Word.WAIT, None),
    ({"spent": True}, Word.DENY, Reason.SPENT),
    ({"passed_before": True}, Word.DENY, Reason.PASSBACK),
    ({"fevered": True}, Word.DENY, Reason.TEMPERATURE_HIGH),
    ({"now": replace(NOW, trusted=False)}, Word.ASSIST, Reason.TIME_UNTRUSTED),
    ({"now": replace(NOW, uncertainty_s=60.5)}, Word.RETRY, Reason.EXPIRED),
    ({"now": replace(NOW, wall_utc=nan)}, Word.RETRY, Reason.EXPIRED),
    ({"now": replace(NOW, uncertainty_s=nan)}, Word.RETRY, Reason.EXPIRED),
    ({"code": replace(GREEN, expires_utc=nan)}, Word.RETRY, Reason.EXPIRED),
    ({"code": replace(GREEN, expires_utc=NOW.wall_utc)}, Word.RETRY, Reason.EXPIRED),
    ({"code": replace(GREEN, copyable=True)}, Word.ASSIST, Reason.STATIC_CODE),
    ({"code": replace(GREEN, colour=Colour.RED)}, Word.DENY, Reason.RED),
    ({"code": replace(GREEN, colour=Colour.ORANGE)}, Word.DENY, Reason.ORANGE),
    ({"code": replace(GREEN, colour=Colour.YELLOW)}, Word.RETRY, Reason.YELLOW),
    ({"code": replace(GREEN, colour=Colour.BLACK_AND_WHITE)}, Word.ASSIST, Reason.BLACK_AND_WHITE),
    ({"band": None}, Word.WAIT, None),
    ({"band": TemperatureBand.HIGH}, Word.DENY, Reason.TEMPERATURE_HIGH),
    ({"band": TemperatureBand.LOW}, Word.ASSIST, Reason.TEMPERATURE_LOW),
    ({"band": TemperatureBand.UNSTABLE}, Word.ASSIST, Reason.TEMPERATURE_UNSTABLE),
    ({"band": TemperatureBand.AMBIENT_OUT_OF_RANGE}, Word.ASSIST, Reason.AMBIENT_RANGE),
    ({"band": TemperatureBand.FAULT}, Word.ASSIST, Reason.SENSOR_FAULT),
    ({"band": TemperatureBand.REMEASURE}, Word.WAIT, None),
    ({"band": TemperatureBand.NO_SUBJECT}, Word.WAIT, None),
]


@pytest.mark.parametrize(("changed", "word", "reason"), OTHER_THAN_GRANTING)
def test_each_fact_alone_stands_against_admission(
    changed: dict[str, object], word: Word, reason: Reason | None
) -> None:
    assert judge(replace(GRANTING, **changed)) == Judgement(word=word, reason=reason)


@pytest.mark.parametrize("reason", sorted(DENIED))
def test_a_code_that_is_nobodys_is_denied(reason: Reason) -> None:
    assert judge(replace(GRANTING, code=refused(reason))) == Judgement(word=Word.DENY, reason=reason)


@pytest.mark.parametrize("reason", sorted(ASSISTED))
def test_a_code_that_says_nothing_against_the_person_calls_staff(reason: Reason) -> None:
    assert judge(replace(GRANTING, code=refused(reason))) == Judgement(word=Word.ASSIST, reason=reason)


@pytest.mark.parametrize("reason", [Reason.UNREADABLE, Reason.FOREIGN, Reason.EXPIRED, Reason.YELLOW])
def test_a_code_that_may_be_refreshed_is_asked_for_again(reason: Reason) -> None:
    assert judge(replace(GRANTING, code=refused(reason))) == Judgement(word=Word.RETRY, reason=reason)


MISSING = [
    ({"code": None}, Reason.NO_CODE),
    ({"code": None, "advised": Reason.SEVERAL_CODES}, Reason.SEVERAL_CODES),
    ({"code": refused(Reason.EXPIRED)}, Reason.EXPIRED),
    ({"joined": False}, Reason.NO_CODE),
    ({"present": False}, Reason.NO_SUBJECT),
    ({"band": None}, Reason.TEMPERATURE_UNSTABLE),
    ({"way_clear": False}, Reason.PASSAGE_BLOCKED),
]


@pytest.mark.parametrize(("changed", "reason"), MISSING)
def test_whose_time_is_up_is_sent_to_staff_for_what_was_missing(changed: dict[str, object], reason: Reason) -> None:
    judged = judge(replace(GRANTING, time_up=True, **changed))
    assert judged == Judgement(word=Word.ASSIST, reason=reason)


def test_what_speaks_against_a_person_goes_before_what_calls_staff() -> None:
    fever = replace(GRANTING, code=refused(Reason.BLACK_AND_WHITE), band=TemperatureBand.HIGH)
    red = replace(GRANTING, code=refused(Reason.RED), band=TemperatureBand.LOW)
    assert judge(fever).reason is Reason.TEMPERATURE_HIGH
    assert judge(red).reason is Reason.RED


def test_static_codes_are_admitted_only_where_the_venue_says_so() -> None:
    static = replace(GRANTING, code=replace(GREEN, copyable=True, single_use=False))
    assert judge(static).word is Word.ASSIST
    assert judge(replace(static, static_codes="admit")).word is Word.GRANT


ANYTHING = st.builds(
    Evidence,
    code=st.one_of(
        st.none(),
        st.builds(replace, st.just(GREEN), colour=st.sampled_from(Colour), copyable=st.booleans(),
                  expires_utc=st.floats(allow_nan=True)),
        st.builds(refused, st.sampled_from(Reason)),
    ),
    joined=st.booleans(),
    present=st.booleans(),
    way_clear=st.booleans(),
    band=st.one_of(st.none(), st.sampled_from(TemperatureBand)),
    in_service=st.booleans(),
    spent=st.booleans(),
    passed_before=st.booleans(),
    fevered=st.booleans(),
    time_up=st.booleans(),
    advised=st.one_of(st.none(), st.sampled_from(Reason)),
    static_codes=st.sampled_from(["assist", "admit"]),
    now=st.builds(
        Instant, mono_s=st.floats(), wall_utc=st.floats(), uncertainty_s=st.floats(), trusted=st.booleans()
    ),
)  # fmt: skip


@given(ANYTHING)
def test_a_grant_is_never_given_on_less_than_everything(evidence: Evidence) -> None:
    judged = judge(evidence)
    assert (judged.reason is None) == (judged.word in {Word.GRANT, Word.WAIT})
    if judged.word is not Word.GRANT:
        return
    code = evidence.code
    assert isinstance(code, Credential)
    assert code.colour is Colour.GREEN
    assert not code.copyable or evidence.static_codes == "admit"
    assert evidence.now.trusted
    assert evidence.now.wall_utc + evidence.now.uncertainty_s <= code.expires_utc
    assert evidence.band is TemperatureBand.NORMAL
    assert evidence.joined
    assert evidence.present
    assert evidence.way_clear
    assert evidence.in_service
    assert not (evidence.spent or evidence.passed_before or evidence.fevered)
