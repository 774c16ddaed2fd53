from typing import Any

import pytest

from gatefw.credentials import TrustStore, examine
from gatefw.model import Colour, Credential, Format, Instant, Reason, Refusal, Stage
from gatefw.simulation import issuer as forge
from gatefw.simulation.issuer import Issuer, entry, trust_files

IAT = 1_600_000_000
TEST, VACCINATION, RECOVERY = (f"1.3.6.1.4.1.1847.2021.1.{last}" for last in (1, 2, 3))


def outcome(text: str, trust: TrustStore, now: Instant) -> Credential | Refusal:
    return examine(text, trust, now).outcome


def credential(text: str, trust: TrustStore, now: Instant) -> Credential:
    got = outcome(text, trust, now)
    assert isinstance(got, Credential), got
    return got


def reason(text: str, trust: TrustStore, now: Instant) -> Reason | None:
    got = outcome(text, trust, now)
    return got.reason if isinstance(got, Refusal) else None


def test_a_true_certificate_is_copyable_and_names_nobody(state: Issuer, trust: TrustStore, now: Instant) -> None:
    examined = examine(state.hc1(iat=IAT, family="SOMEBODY"), trust, now)
    got = examined.outcome
    assert isinstance(got, Credential)
    assert (got.format, got.issuer, got.colour, got.copyable, got.single_use, got.code_id) == (
        Format.HCERT, "XX", Colour.GREEN, True, False, None,
    )  # fmt: skip
    assert len(got.subject) == 32
    assert b"SOMEBODY" not in repr(got).encode()
    assert Stage.COLOUR not in dict(examined.stages)
    assert all(passed for _, passed in examined.stages)


READ: list[tuple[str, dict[str, Any]]] = [
    ("a recovery", {"kind": "r"}),
    ("a test", {"kind": "t"}),
    ("several vaccinations", {"entries": [entry("v", "XX", dn=1), entry("v", "XX", dn=2)]}),
    ("fractional times", {"iat": IAT + 0.25, "exp": IAT + 100.75}),
    ("a birth year only", {"born": "1970"}),
    ("no birth date known", {"born": ""}),
    ("no given name", {"certificate": {"nam": {"fn": "Tester", "fnt": "TESTER"}}}),
    ("no transliterated name", {"certificate": {"nam": {"fn": "Tester"}}}),
    ("no version", {"certificate": {"ver": None}}),
    ("a claim more", {"claims": {7: b"1234"}}),
]


@pytest.mark.parametrize("made", [row[1] for row in READ], ids=[row[0] for row in READ])
def test_accepted(state: Issuer, trust: TrustStore, now: Instant, made: dict[str, Any]) -> None:
    assert credential(state.hc1(**{"iat": IAT, **made}), trust, now).colour is Colour.GREEN


REFUSED: list[tuple[str, dict[str, Any], Reason]] = [
    ("no certificate", {"claims": {-260: None}}, Reason.SCHEMA),
    ("a certificate of another version", {"claims": {-260: {2: {}}}}, Reason.SCHEMA),
    ("no entries", {"certificate": {"v": None}}, Reason.SCHEMA),
    ("an empty list", {"entries": []}, Reason.SCHEMA),
    ("two kinds", {"certificate": {"t": [entry("t", "XX")]}}, Reason.SCHEMA),
    ("a second kind that is empty", {"certificate": {"t": []}}, Reason.SCHEMA),
    ("an entry that is no object", {"entries": ["x"]}, Reason.SCHEMA),
    ("entries that are no list", {"entries": entry("v", "XX")}, Reason.SCHEMA),
    ("one entry of two is broken", {"entries": [entry("v", "XX"), {}]}, Reason.SCHEMA),
    ("a field missing", {"entries": [{k: v for k, v in entry("v", "XX").items() if k != "mp"}]}, Reason.SCHEMA),
    ("a number in text", {"entries": [entry("v", "XX", dn="2")]}, Reason.SCHEMA),
    ("a truth value for a number", {"entries": [entry("v", "XX", dn=True)]}, Reason.SCHEMA),
    ("a test without a result", {"kind": "t", "entries": [entry("t", "XX", tr=None)]}, Reason.SCHEMA),
    ("no name", {"certificate": {"nam": None}}, Reason.SCHEMA),
    ("an empty name", {"family": " ", "given": ""}, Reason.SCHEMA),
    ("a name in text", {"certificate": {"nam": "Tester"}}, Reason.SCHEMA),
    ("no birth date", {"certificate": {"dob": None}}, Reason.SCHEMA),
    ("expired", {"exp": IAT + 5}, Reason.EXPIRED),
    ("issued a second from now, and there is no leeway", {"iat": IAT + 11}, Reason.NOT_YET_VALID),
    ("no end", {"claims": {4: None}}, Reason.SCHEMA),
    ("another issuer", {"claims": {1: "YY"}}, Reason.SCOPE),
]


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(state: Issuer, trust: TrustStore, now: Instant, made: dict[str, Any], expected: Reason) -> None:
    assert reason(state.hc1(**{"iat": IAT, **made}), trust, now) is expected


@pytest.mark.parametrize(
    ("results", "colour"),
    [
        (["260415000"], Colour.GREEN),
        (["260373001"], Colour.RED),
        ([""], Colour.BLACK_AND_WHITE),
        (["260415000", "260373001"], Colour.RED),
        (["something", "260415000"], Colour.BLACK_AND_WHITE),
    ],
)
def test_a_test_is_green_only_if_it_found_nothing(
    state: Issuer, trust: TrustStore, now: Instant, results: list[str], colour: Colour
) -> None:
    entries = [entry("t", "XX", tr=result) for result in results]
    assert credential(state.hc1(iat=IAT, kind="t", entries=entries), trust, now).colour is colour


@pytest.mark.parametrize(
    ("purposes", "kind", "expected"),
    [
        ((), "v", None),
        ((VACCINATION,), "v", None),
        ((TEST,), "t", None),
        ((RECOVERY,), "r", None),
        ((TEST, VACCINATION), "v", None),
        (("1.3.6.1.4.1.0.1847.2021.1.2",), "v", None),
        ((TEST,), "v", Reason.KEY_USAGE),
        ((VACCINATION,), "r", Reason.KEY_USAGE),
        ((RECOVERY,), "t", Reason.KEY_USAGE),
        (("1.3.6.1.5.5.7.3.1",), "v", Reason.KEY_USAGE),
    ],
)
def test_a_key_signs_only_what_its_certificate_allows(
    now: Instant, purposes: tuple[str, ...], kind: str, expected: Reason | None
) -> None:
    issuer = Issuer.hcert(purposes=purposes)
    examined = examine(issuer.hc1(iat=IAT, kind=kind), TrustStore.from_files(trust_files([issuer])), now)
    got = examined.outcome.reason if isinstance(examined.outcome, Refusal) else None
    assert (got, dict(examined.stages)[Stage.KEY_USAGE]) == (expected, expected is None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"kind": "r"}, True),
        ({"family": "TESTER"}, {"family": "tester "}, True),
        ({"family": "VAN DEN BERG"}, {"family": "VAN<DEN<BERG"}, True),
        ({"family": "OTHER"}, {}, False),
        ({"given": "TOM"}, {}, False),
        ({"born": "1970-01-02"}, {}, False),
        ({"family": "AB", "given": "C"}, {"family": "A", "given": "BC"}, False),
    ],
)
def test_one_person_has_one_subject(
    state: Issuer, trust: TrustStore, now: Instant, one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    subjects = {credential(state.hc1(iat=IAT, **made), trust, now).subject for made in (one, other)}
    assert (len(subjects) == 1) is same


def test_forgeries_are_refused(state: Issuer, trust: TrustStore, now: Instant) -> None:
    text = state.hc1(iat=IAT)
    for forged in (
        forge.damaged(text),
        forge.swapped(state.hc1(iat=IAT, kind="t"), text),
        state.impostor().hc1(iat=IAT),
    ):
        assert reason(forged, trust, now) is Reason.SIGNATURE
    assert reason(Issuer.hcert(seed=2).hc1(iat=IAT), trust, now) is Reason.UNKNOWN_ISSUER


def test_a_jixiang_key_cannot_sign_a_certificate(jilin: Issuer, trust: TrustStore, now: Instant) -> None:
    assert reason(jilin.hc1(iat=IAT), trust, now) is Reason.SCOPE
