import math
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatefw.credentials import TrustStore, examine
from gatefw.model import Colour, Credential, Format, Instant, Reason, Refusal, Stage
from gatefw.simulation import issuer as forge
from gatefw.simulation.issuer import Issuer, trust_files

IAT = 1_600_000_000
SUB = bytes(range(16))


def instant(wall_utc: float, uncertainty_s: float = 0.0, *, trusted: bool = True) -> Instant:
    return Instant(mono_s=0.0, wall_utc=wall_utc, uncertainty_s=uncertainty_s, trusted=trusted)


def reason(text: str, trust: TrustStore, now: Instant) -> Reason | None:
    outcome = examine(text, trust, now).outcome
    return outcome.reason if isinstance(outcome, Refusal) else None


def test_a_green_code_becomes_a_single_use_credential(jilin: Issuer, trust: TrustStore, now: Instant) -> None:
    examined = examine(jilin.jx1(iat=IAT, sub=SUB, cti=b"12345678"), trust, now)
    assert examined.outcome == Credential(
        format=Format.JIXIANG, issuer="CN-22", key_id=jilin.key_id, subject=SUB, code_id=b"12345678",
        colour=Colour.GREEN, expires_utc=IAT + 60.0, copyable=False, single_use=True,
    )  # fmt: skip
    assert Stage.INFLATE not in dict(examined.stages)
    assert all(passed for _, passed in examined.stages)


@pytest.mark.parametrize(
    ("colour", "scheme", "expected"),
    [
        ("green", 1, None),
        ("yellow", 1, Reason.YELLOW),
        ("orange", 1, Reason.ORANGE),
        ("red", 1, Reason.RED),
        ("black_and_white", 1, Reason.SCHEMA),
        ("green", 2, None),
        ("yellow", 2, Reason.YELLOW),
        ("red", 2, Reason.RED),
        ("black_and_white", 2, Reason.BLACK_AND_WHITE),
        ("orange", 2, Reason.SCHEMA),
        ("green", 3, Reason.SCHEMA),
        ("green", True, Reason.SCHEMA),
        ("GREEN", 1, Reason.SCHEMA),
        ("", 1, Reason.SCHEMA),
    ],
)
def test_colours_belong_to_their_scheme(
    jilin: Issuer, trust: TrustStore, now: Instant, colour: str, scheme: int, expected: Reason | None
) -> None:
    examined = examine(jilin.jx1(iat=IAT, colour=colour, scheme=scheme), trust, now)
    got = examined.outcome.reason if isinstance(examined.outcome, Refusal) else None
    assert (got, dict(examined.stages)[Stage.COLOUR]) == (expected, expected is None)


@pytest.mark.parametrize(
    ("wall_utc", "uncertainty_s", "expected"),
    [
        (IAT - 5, 0, None),
        (IAT - 5.01, 0, Reason.NOT_YET_VALID),
        (IAT + 60, 0, None),
        (IAT + 60.01, 0, Reason.EXPIRED),
        (IAT + 55, 5, None),
        (IAT + 55, 5.01, Reason.EXPIRED),
        (IAT, 5, None),
        (IAT, 5.01, Reason.NOT_YET_VALID),
        (math.nan, 0, Reason.EXPIRED),
        (IAT, math.nan, Reason.TIME_UNTRUSTED),
        (IAT, math.inf, Reason.TIME_UNTRUSTED),
        (IAT, -1, Reason.TIME_UNTRUSTED),
        (-math.inf, 0, Reason.NOT_YET_VALID),
        (math.inf, 0, Reason.EXPIRED),
    ],
)
def test_the_whole_interval_of_the_clock_must_lie_within(
    jilin: Issuer, trust: TrustStore, wall_utc: float, uncertainty_s: float, expected: Reason | None
) -> None:
    assert reason(jilin.jx1(iat=IAT), trust, instant(wall_utc, uncertainty_s)) is expected


def test_untrusted_time_means_no_code(jilin: Issuer, trust: TrustStore) -> None:
    assert reason(jilin.jx1(iat=IAT), trust, instant(IAT, trusted=False)) is Reason.TIME_UNTRUSTED


@pytest.mark.parametrize(
    ("life_s", "expected"),
    [(1, None), (300, None), (301, Reason.LIFETIME), (0, Reason.LIFETIME), (-1, Reason.LIFETIME)],
)
def test_a_code_lives_at_most_five_minutes(
    jilin: Issuer, trust: TrustStore, life_s: int, expected: Reason | None
) -> None:
    assert reason(jilin.jx1(iat=IAT, exp=IAT + life_s), trust, instant(IAT)) is expected


REFUSED_CLAIMS: list[tuple[str, dict[Any, Any], Reason]] = [
    ("sub missing", {2: None}, Reason.SCHEMA),
    ("sub of 15 bytes", {2: bytes(15)}, Reason.SCHEMA),
    ("sub is text", {2: "0123456789abcdef"}, Reason.SCHEMA),
    ("cti missing", {7: None}, Reason.SCHEMA),
    ("cti of 7 bytes", {7: bytes(7)}, Reason.SCHEMA),
    ("cti of 33 bytes", {7: bytes(33)}, Reason.SCHEMA),
    ("exp missing", {4: None}, Reason.SCHEMA),
    ("exp is text", {4: "2099-01-01"}, Reason.SCHEMA),
    ("exp is true", {4: True}, Reason.SCHEMA),
    ("exp has a fraction", {4: IAT + 60.5}, Reason.SCHEMA),
    ("exp is NaN", {4: math.nan}, Reason.MALFORMED),
    ("exp is beyond all numbers", {4: math.inf}, Reason.MALFORMED),
    ("exp is 2^64", {4: 2**64 - 1}, Reason.LIFETIME),
    ("iat missing", {6: None}, Reason.SCHEMA),
    ("colour missing", {-65537: None}, Reason.SCHEMA),
    ("scheme missing", {-65538: None}, Reason.SCHEMA),
    ("role missing", {-65539: None}, Reason.SCHEMA),
    ("role unknown", {-65539: "root"}, Reason.SCHEMA),
    ("role is a list", {-65539: []}, Reason.SCHEMA),
    ("an audience, which would narrow it", {3: "gate-7"}, Reason.SCHEMA),
    ("not before", {5: IAT}, Reason.SCHEMA),
    ("a claim in text", {"admin": True}, Reason.SCHEMA),
    ("another issuer", {1: "CN-11"}, Reason.SCOPE),
    ("no issuer", {1: None}, Reason.SCOPE),
    ("the issuer as bytes", {1: b"CN-22"}, Reason.SCOPE),
]


@pytest.mark.parametrize(
    ("claims", "expected"), [row[1:] for row in REFUSED_CLAIMS], ids=[row[0] for row in REFUSED_CLAIMS]
)
def test_refused_claims(
    jilin: Issuer, trust: TrustStore, now: Instant, claims: dict[Any, Any], expected: Reason
) -> None:
    assert reason(jilin.jx1(iat=IAT, claims=claims), trust, now) is expected


@pytest.mark.parametrize(
    "payload", [b"", b"\x80", b"\x01", b"\xa1\x01", b"\xa0\x00", b"\xa2\x01\x00\x01\x00"], ids=repr
)
def test_what_is_signed_must_be_one_map(jilin: Issuer, trust: TrustStore, now: Instant, payload: bytes) -> None:
    assert reason(forge.as_jx1(jilin.sign(payload)), trust, now) is Reason.MALFORMED


def test_an_empty_map_is_refused(jilin: Issuer, trust: TrustStore, now: Instant) -> None:
    assert reason(forge.as_jx1(jilin.sign(cbor2.dumps({}))), trust, now) is Reason.SCOPE


def test_forgeries_are_refused(jilin: Issuer, trust: TrustStore, now: Instant) -> None:
    red, green = jilin.jx1(iat=IAT, colour="red"), jilin.jx1(iat=IAT)
    for text in (forge.damaged(green), forge.swapped(red, green), jilin.impostor().jx1(iat=IAT)):
        assert reason(text, trust, now) is Reason.SIGNATURE
    assert reason(Issuer.jixiang(seed=2).jx1(iat=IAT), trust, now) is Reason.UNKNOWN_ISSUER


def test_a_key_trusted_for_certificates_cannot_sign_a_jixiang_code(now: Instant) -> None:
    state = Issuer.hcert(name="CN-22")
    trust = TrustStore.from_files(trust_files([state]))
    assert isinstance(examine(state.hc1(iat=IAT), trust, now).outcome, Credential)
    assert reason(state.jx1(iat=IAT), trust, now) is Reason.SCOPE


def test_the_other_signature_that_ecdsa_allows_names_the_same_code(
    jilin: Issuer, trust: TrustStore, now: Instant
) -> None:
    text = jilin.jx1(iat=IAT)
    assert forge.twin(text) != text
    assert examine(forge.twin(text), trust, now) == examine(text, trust, now)
    assert isinstance(examine(text, trust, now).outcome, Credential)


def test_the_same_seed_makes_the_same_code(jilin: Issuer) -> None:
    assert Issuer.jixiang().jx1(iat=IAT) == jilin.jx1(iat=IAT)
    assert Issuer.jixiang().certificate_pem == jilin.certificate_pem
    assert Issuer.jixiang(seed=2).jx1(iat=IAT) != jilin.jx1(iat=IAT)


@settings(max_examples=60)
@given(st.data())
def test_no_changed_byte_is_accepted_as_something_else(data: st.DataObject) -> None:
    issuer = Issuer.jixiang()
    message = bytearray(forge.message_of(issuer.jx1(iat=IAT, colour="red")))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    trust = TrustStore.from_certificates({"x": issuer.certificate_pem})
    assert isinstance(examine(forge.as_jx1(bytes(message)), trust, instant(IAT)).outcome, Refusal)
