import zlib

import base45
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatefw.credentials import TrustStore, examine
from gatefw.model import TEXT_LIMIT_CHARS, Credential, Format, Instant, Reason, Refusal, Stage
from gatefw.simulation import issuer as forge
from gatefw.simulation.issuer import Issuer

NOW = Instant(mono_s=0.0, wall_utc=1_600_000_010.0, uncertainty_s=0.5, trusted=True)
NOBODY = TrustStore(keys={}, valid_until_utc=None)
PREFIXES = st.sampled_from(["", "JX1:", "HC1:", "JXT:", "shc:/"])
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)
BASE45 = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=80)


@settings(max_examples=80)
@given(PREFIXES, ANY_TEXT | BASE45)
def test_any_text_is_answered_with_a_refusal(prefix: str, text: str) -> None:
    examined = examine(prefix + text, NOBODY, NOW)
    assert isinstance(examined.outcome, Refusal)
    assert examined.outcome.format is examined.format
    assert [passed for _, passed in examined.stages].count(False) <= 1


@settings(max_examples=60)
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_within_an_envelope_are_answered_with_a_refusal(data: bytes, compressed: bool) -> None:
    text = forge.as_hc1(data) if compressed else forge.as_jx1(data)
    assert isinstance(examine(text, NOBODY, NOW).outcome, Refusal)


BOMB = "HC1:" + base45.b45encode(zlib.compress(bytes(2_500_000), 9)).decode()
DEEP = forge.as_hc1(b"\xd2\x84" + b"\x81" * 5_000)
ANSWERS = [
    ("", Format.UNREADABLE, Reason.UNREADABLE),
    ("\ud800", Format.UNREADABLE, Reason.UNREADABLE),
    ("JX1:\ud800", Format.JIXIANG, Reason.MALFORMED),
    ("\0", Format.FOREIGN, Reason.FOREIGN),
    ("https://example.org/", Format.FOREIGN, Reason.FOREIGN),
    ("$(reboot)", Format.FOREIGN, Reason.FOREIGN),
    ("hc1:", Format.FOREIGN, Reason.FOREIGN),
    (" HC1:", Format.FOREIGN, Reason.FOREIGN),
    ("HC2:", Format.FOREIGN, Reason.FOREIGN),
    ("JX1:", Format.JIXIANG, Reason.MALFORMED),
    ("HC1:", Format.HCERT, Reason.MALFORMED),
    ("JXT:" + "A" * 43, Format.TOKEN, Reason.UNSUPPORTED),
    ("shc:/567629", Format.SHC, Reason.UNSUPPORTED),
    ("x" * (TEXT_LIMIT_CHARS + 1), Format.FOREIGN, Reason.OVERSIZE),
    ("HC1:" + "0" * TEXT_LIMIT_CHARS, Format.HCERT, Reason.OVERSIZE),
    ("x" * TEXT_LIMIT_CHARS, Format.FOREIGN, Reason.FOREIGN),
    (BOMB, Format.HCERT, Reason.OVERSIZE),
    (DEEP, Format.HCERT, Reason.MALFORMED),
]


@pytest.mark.parametrize(("text", "form", "reason"), ANSWERS, ids=[ascii(row[0])[:20] for row in ANSWERS])
def test_each_text_gets_its_format_and_reason(text: str, form: Format, reason: Reason) -> None:
    examined = examine(text, NOBODY, NOW)
    assert isinstance(examined.outcome, Refusal)
    assert (examined.format, examined.outcome.reason) == (form, reason)


def test_a_trailing_newline_is_refused(jilin: Issuer, state: Issuer, trust: TrustStore) -> None:
    for text in (jilin.jx1(iat=1_600_000_000), state.hc1(iat=1_600_000_000)):
        assert isinstance(examine(text, trust, NOW).outcome, Credential)
        assert dict(examine(text + "\n", trust, NOW).stages)[Stage.BASE45] is False


def test_the_first_stage_that_fails_ends_the_examination(jilin: Issuer, trust: TrustStore) -> None:
    expired = jilin.jx1(iat=1_500_000_000, colour="red")
    assert examine(expired, trust, NOW).stages == (
        (Stage.PREFIX, True), (Stage.BASE45, True), (Stage.COSE, True), (Stage.SIGNATURE, True), (Stage.TIME, False),
    )  # fmt: skip


def test_a_refusal_names_no_person(state: Issuer, trust: TrustStore) -> None:
    text = state.hc1(iat=1_500_000_000, exp=1_500_000_001, family="SOMEBODY", born="1999-09-09")
    said = repr(examine(text, trust, NOW))
    assert "SOMEBODY" not in said
    assert "1999" not in said
