"""Who has passed and what is spent: by the person and the code, never by the bytes shown."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gatefw.decision import passback
from gatefw.model import CodeKey, Colour, Credential, Format, Instant, PassedBy, PersonKey, Spent

SECRET = b"s" * 32
CODE = Credential(
    format=Format.JIXIANG,
    issuer="issuer",
    key_id=b"k1",
    subject=b"person",
    code_id=b"cti",
    colour=Colour.GREEN,
    expires_utc=2000.0,
    copyable=False,
    single_use=True,
)


def now(wall_utc: float, uncertainty_s: float = 1.0) -> Instant:
    return Instant(mono_s=0.0, wall_utc=wall_utc, uncertainty_s=uncertainty_s, trusted=True)


def test_a_second_code_of_a_person_is_the_same_person_and_another_code() -> None:
    second = replace(CODE, code_id=b"another", key_id=b"k2", expires_utc=3000.0)
    assert passback.person_key(SECRET, second) == passback.person_key(SECRET, CODE)
    assert passback.code_key(second) != passback.code_key(CODE)


def test_another_signature_of_the_same_code_is_the_same_code() -> None:
    assert passback.code_key(replace(CODE, key_id=b"k2")) == passback.code_key(CODE)


def test_a_code_without_identity_of_its_own_has_no_key() -> None:
    assert passback.code_key(replace(CODE, code_id=None)) is None
    assert not passback.is_spent((Spent(code=CodeKey(b"x"), until_utc=9e9),), None)


def test_keys_are_of_16_bytes_and_differ_by_site() -> None:
    key = passback.person_key(SECRET, CODE)
    assert len(key) == passback.KEY_BYTES
    assert passback.person_key(b"t" * 32, CODE) != key
    assert CODE.subject not in key


@given(st.text(max_size=8), st.binary(max_size=8), st.text(max_size=8), st.binary(max_size=8))
def test_issuer_and_person_are_never_mixed_up(issuer: str, subject: bytes, other: str, another: bytes) -> None:
    one, two = replace(CODE, issuer=issuer, subject=subject), replace(CODE, issuer=other, subject=another)
    same = (issuer, subject) == (other, another)
    assert (passback.person_key(SECRET, one) == passback.person_key(SECRET, two)) == same


@given(st.binary(min_size=1, max_size=8), st.binary(min_size=1, max_size=8))
def test_issuer_and_code_are_never_mixed_up(first: bytes, second: bytes) -> None:
    one = replace(CODE, issuer="a", code_id=b"b" + first)
    two = replace(CODE, issuer="ab", code_id=second)
    assert passback.code_key(one) != passback.code_key(two)


def test_a_spent_code_is_kept_until_no_clock_can_think_it_valid() -> None:
    spent = (Spent(code=CodeKey(b"c" * 16), until_utc=1000.0),)
    assert passback.current_spent(spent, now(1001.0)) == spent
    assert passback.current_spent(spent, now(1001.5)) == ()
    assert passback.current_spent(spent, now(1060.0, uncertainty_s=60.0)) == spent


def test_a_clock_that_knows_nothing_forgets_nobody() -> None:
    passed = (PassedBy(person=PersonKey(b"p" * 16), until_utc=1000.0),)
    assert passback.current_passed(passed, now(float("nan"))) == passed
    assert passback.current_passed(passed, now(5000.0, uncertainty_s=float("inf"))) == passed
    assert passback.current_passed(passed, now(5000.0)) == ()


def test_only_who_passed_has_passed() -> None:
    passed = (PassedBy(person=PersonKey(b"p" * 16), until_utc=1000.0),)
    assert passback.has_passed(passed, PersonKey(b"p" * 16))
    assert not passback.has_passed(passed, PersonKey(b"q" * 16))
    assert not passback.has_passed(passed, None)
