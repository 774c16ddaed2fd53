"""EU Digital COVID Certificate: `HC1:` + Base45 of a zlib stream of a COSE_Sign1 over CWT claims.

eHealth Network, *Technical Specifications for EU Digital COVID Certificates*, vol. 1 (container, key usage) and the
DCC schema 1.3.0 (field names). `schema` here is the structural minimum: name, birth date, and exactly one of
vaccination, recovery and test, each entry with its required fields; many certificates of real states fail the full
JSON schema. Anyone can hold a copy of such a code: `copyable`, never `single_use`.
"""

import hashlib
import unicodedata
from typing import Final

from gatefw.credentials import base45, claims, cose
from gatefw.credentials.claims import Claims
from gatefw.credentials.inflate import inflate
from gatefw.credentials.rejection import RejectionError
from gatefw.credentials.trust import TrustedKey, TrustStore
from gatefw.model import Colour, Credential, Format, Instant, Reason, Stage

PREFIX: Final = "HC1:"
STAGES: Final = (
    Stage.PREFIX, Stage.BASE45, Stage.INFLATE, Stage.COSE, Stage.SIGNATURE, Stage.TIME, Stage.SCHEMA, Stage.KEY_USAGE,
)  # fmt: skip

HCERT_CLAIM: Final = -260
_EU_DGC_V1: Final = 1

_TEXTS: Final = {
    "v": ("tg", "vp", "mp", "ma", "dt", "co", "is", "ci"),
    "r": ("tg", "fr", "co", "is", "df", "du", "ci"),
    "t": ("tg", "tt", "sc", "tr", "co", "is", "ci"),
}
_COUNTS: Final = ("dn", "sd")
"""Doses given and doses of the series: the only numbers, in vaccinations."""

_PURPOSES: Final = {
    "t": frozenset({"1.3.6.1.4.1.1847.2021.1.1", "1.3.6.1.4.1.0.1847.2021.1.1"}),
    "v": frozenset({"1.3.6.1.4.1.1847.2021.1.2", "1.3.6.1.4.1.0.1847.2021.1.2"}),
    "r": frozenset({"1.3.6.1.4.1.1847.2021.1.3", "1.3.6.1.4.1.0.1847.2021.1.3"}),
}
"""Which OIDs allow a key to sign tests, vaccinations, recoveries; states use them with the extra arc 0, and without."""

_TEST_COLOURS: Final = {"260415000": Colour.GREEN, "260373001": Colour.RED}
"""SNOMED CT "not detected" and "detected" (value set covid-19-lab-result). Any other result says nothing of health."""


def verify(text: str, trust: TrustStore, now: Instant) -> Credential:
    """Verify a text that begins with PREFIX, in the order of STAGES; RejectionError says which stage failed and why.

    A true certificate of a positive test is a Credential whose colour is red: whoever admits asks for green.
    """
    envelope = cose.open_envelope(inflate(base45.decode(text[len(PREFIX) :])))
    signers = cose.find_signers(envelope, trust, Format.HCERT)
    said = claims.read_claims(envelope.payload)
    issuer = said.get(claims.ISS)
    key = cose.within_scope(signers, issuer if isinstance(issuer, str) else None)
    expires_utc = _judge_time(said, now)
    kind, entries, subject = _judge_schema(said)
    _judge_key_usage(key, kind)
    return Credential(
        format=Format.HCERT, issuer=issuer if isinstance(issuer, str) else "", key_id=key.key_id, subject=subject,
        code_id=None, colour=_colour(kind, entries), expires_utc=expires_utc, copyable=True, single_use=False,
    )  # fmt: skip


def _judge_time(said: Claims, now: Instant) -> float:
    issued_utc, expires_utc = (claims.time_claim(said, label) for label in (claims.IAT, claims.EXP))
    claims.judge_time(issued_utc, expires_utc, now, leeway_s=0.0)
    return float(expires_utc)


def _judge_schema(said: Claims) -> tuple[str, list[dict[object, object]], bytes]:
    """Return the kind (v, r or t), its entries, and the person's digest; RejectionError(SCHEMA)."""
    container = said.get(HCERT_CLAIM)
    certificate = container.get(_EU_DGC_V1) if isinstance(container, dict) else None
    if not isinstance(certificate, dict):
        raise _unfit("it holds no certificate")
    kinds = [kind for kind in _TEXTS if kind in certificate]  # schema 1.3.0, oneOf: empty ones may not stand there
    if len(kinds) != 1:
        raise _unfit("not exactly one of vaccination, recovery and test stands in it")
    entries = certificate[kinds[0]]
    if not isinstance(entries, list) or not entries:
        raise _unfit("the entries are not a list, or there is none")
    for entry in entries:
        _judge_entry(kinds[0], entry)
    return kinds[0], entries, _subject(certificate)


def _judge_entry(kind: str, entry: object) -> None:
    if not isinstance(entry, dict):
        raise _unfit("an entry is not an object")
    for field in _TEXTS[kind]:
        if not isinstance(entry.get(field), str):
            raise _unfit(f"{kind}.{field} is missing or no text")
    if kind == "v":
        for field in _COUNTS:
            if type(entry.get(field)) is not int:
                raise _unfit(f"v.{field} is missing or no whole number")


def _judge_key_usage(key: TrustedKey, kind: str) -> None:
    if key.purposes and not key.purposes & _PURPOSES[kind]:
        raise RejectionError(
            Stage.KEY_USAGE,
            Reason.KEY_USAGE,
            f"The certificate {key.name} does not allow its key to sign this kind ({kind}).",
        )


def _colour(kind: str, entries: list[dict[object, object]]) -> Colour:
    """Vaccinations and recoveries are green, a test is what it says; of several tests the worst."""
    if kind != "t":
        return Colour.GREEN
    colours = {_TEST_COLOURS.get(str(entry["tr"]), Colour.BLACK_AND_WHITE) for entry in entries}
    return next(c for c in (Colour.RED, Colour.BLACK_AND_WHITE, Colour.GREEN) if c in colours)


def _subject(certificate: dict[object, object]) -> bytes:
    """Return SHA-256 over the normalised name (transliterated where it is given so) and the birth date."""
    name, born = certificate.get("nam"), certificate.get("dob")
    if not isinstance(name, dict) or not isinstance(born, str):
        raise _unfit("name or birth date is missing")
    family, given = (_normal(name.get(f"{part}t")) or _normal(name.get(part)) for part in ("fn", "gn"))
    if not family and not given:
        raise _unfit("the name is empty")
    return hashlib.sha256("\0".join((family, given, born.strip())).encode()).digest()


def _normal(value: object) -> str:
    """One spelling for one name: compatibility forms, case, and ICAO 9303 filler `<` against blanks."""
    if not isinstance(value, str):
        return ""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().replace("<", " ").split())


def _unfit(what: str) -> RejectionError:
    return RejectionError(Stage.SCHEMA, Reason.SCHEMA, f"The certificate's structure is not whole: {what}.")
