"""The codes on visitors' phones, judged by the gate's own verifier."""

import pytest

from gatefw.credentials.formats import examine
from gatefw.credentials.trust import TrustStore
from gatefw.model import Credential, Instant, Reason, Refusal
from gatefw.simulation.issuer import trust_files
from gatefw.simulation.visitors import Code
from gatefw.simulation.wallet import IssuerWallet, authorities

NOW_UTC = 1_585_000_000.0
NOW = Instant(mono_s=5.0, wall_utc=NOW_UTC + 1.0, uncertainty_s=0.05, trusted=True)
WALLET = IssuerWallet(3)
TRUST = TrustStore.from_files(trust_files(authorities(3)))


@pytest.mark.parametrize("code", [Code.GREEN, Code.HC1_GREEN])
def test_good_codes_are_accepted(code: Code) -> None:
    for visitor in range(1, 5):
        outcome = examine(WALLET.text(code, visitor, NOW_UTC), TRUST, NOW).outcome
        assert isinstance(outcome, Credential), outcome


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.YELLOW, Reason.YELLOW),
        (Code.ORANGE, Reason.ORANGE),
        (Code.RED, Reason.RED),
        (Code.BLACK_AND_WHITE, Reason.BLACK_AND_WHITE),
        (Code.EXPIRED, Reason.EXPIRED),
        (Code.FORGED, Reason.SIGNATURE),
        (Code.FOREIGN_TEXT, Reason.FOREIGN),
    ],
)
def test_bad_codes_are_refused_for_what_they_are(code: Code, reason: Reason) -> None:
    for visitor in range(1, 5):
        outcome = examine(WALLET.text(code, visitor, NOW_UTC), TRUST, NOW).outcome
        assert isinstance(outcome, Refusal)
        assert outcome.reason is reason


def test_everybody_is_somebody_else_and_each_refresh_is_a_new_code() -> None:
    texts = {WALLET.text(Code.GREEN, visitor, NOW_UTC + age_s) for visitor in range(5) for age_s in (0.0, 1.0)}
    assert len(texts) == 10


def test_same_seed_visitor_and_moment_give_the_same_code() -> None:
    for code in (Code.GREEN, Code.FORGED, Code.HC1_GREEN):
        assert WALLET.text(code, 2, NOW_UTC) == IssuerWallet(3).text(code, 2, NOW_UTC)
    assert WALLET.text(Code.GREEN, 2, NOW_UTC) != IssuerWallet(4).text(Code.GREEN, 2, NOW_UTC)


def test_code_that_nobody_signs_is_no_code_of_the_wallets() -> None:
    with pytest.raises(ValueError, match="not fetched"):
        WALLET.text(Code.LITERAL, 1, NOW_UTC)
