"""The codes on visitors' phones, fetched when needed: a `JX1:` lives for a minute only.

The same (issuer seed, visitor, moment) gives the same person and the same claims.
"""

import hashlib
from typing import Final, assert_never

from gatefw.model import Colour
from gatefw.simulation.issuer import JX1_LIFE_S, Issuer, damaged
from gatefw.simulation.visitors import Code

STALE_S: Final = 2 * JX1_LIFE_S
"""How old the code of a visitor is who didn't refresh it."""
STATIC_AGE_S: Final = 30 * 86_400
FOREIGN: Final = (
    "https://example.org/menu?table=7",
    "WIFI:T:WPA;S:hall;P:not-a-health-code;;",
    "BEGIN:VCARD\nVERSION:3.0\nFN:Nobody\nEND:VCARD",
    "$(reboot); DROP TABLE visitors;--",
)
SCHEME_MARCH_2020: Final = 1
SCHEME_APRIL_2020: Final = 2
"""The one that knows black-and-white codes."""


def authorities(issuer_seed: int) -> tuple[Issuer, Issuer]:
    """Return who signs the visitors' codes, Jixiang and EU: the gate's trust folder is made of these two."""
    return Issuer.jixiang(issuer_seed), Issuer.hcert(issuer_seed)


class IssuerWallet:
    """A wallet whose codes simulated authorities sign. People's pseudonyms follow from seed and number."""

    def __init__(self, issuer_seed: int) -> None:
        self._seed = issuer_seed
        self._jixiang, self._hcert = authorities(issuer_seed)
        self._forger = self._jixiang.impostor(issuer_seed + 1)

    def text(self, code: Code, visitor: int, at_utc: float) -> str:
        """Return the text of a code fetched at `at_utc` (Unix seconds) by this visitor."""
        match code:
            case Code.GREEN | Code.YELLOW | Code.ORANGE | Code.RED | Code.BLACK_AND_WHITE:
                return self._coloured(Colour(code.value), visitor, at_utc)
            case Code.EXPIRED:
                return self._coloured(Colour.GREEN, visitor, at_utc - STALE_S)
            case Code.FORGED:
                return self._forged(visitor, at_utc)
            case Code.HC1_GREEN:
                return self._hcert.hc1(iat=float(int(at_utc) - STATIC_AGE_S), given=f"VISITOR{visitor}")
            case Code.FOREIGN_TEXT:
                return FOREIGN[visitor % len(FOREIGN)]
            case Code.NONE | Code.LITERAL | Code.BINARY | Code.PICTURE:
                raise ValueError(f"Visitor {visitor}: a code of kind {code} is not fetched from anywhere.")
            case _:
                assert_never(code)

    def _coloured(self, colour: Colour, visitor: int, at_utc: float) -> str:
        scheme = SCHEME_APRIL_2020 if colour is Colour.BLACK_AND_WHITE else SCHEME_MARCH_2020
        return self._jixiang.jx1(colour=colour, sub=self._person(visitor), iat=at_utc, scheme=scheme)

    def _forged(self, visitor: int, at_utc: float) -> str:
        """Forge by turns: a key of one's own under the authority's key id, or a touched signature."""
        if visitor % 2:
            return self._forger.jx1(sub=self._person(visitor), iat=at_utc)
        return damaged(self._coloured(Colour.GREEN, visitor, at_utc))

    def _person(self, visitor: int) -> bytes:
        return hashlib.sha256(f"{self._seed}/{visitor}".encode()).digest()[:16]
