"""Our own offline Jixiang code: `JX1:` + Base45 of a COSE_Sign1 (ES256) over exactly these CWT claims.

    1 iss     text, 1-64 printable ASCII characters
    2 sub     16 bytes, the person's pseudonym at that issuer
    4 exp, 6 iat   whole Unix seconds; a life of 1 to 300 s
    7 cti     8-32 bytes; with iss the code's name, spent by a passage
    -65537 colour, -65538 scheme version, -65539 role ("visitor" or "staff")

The real Jixiang code had no public offline format: this one is ours. A claim that is not listed is refused, since
it could narrow what the code is good for.
"""

from collections.abc import Mapping
from typing import Final

from gatefw.credentials import base45, claims, cose
from gatefw.credentials.claims import Claims
from gatefw.credentials.rejection import RejectionError
from gatefw.credentials.trust import TrustStore
from gatefw.model import Colour, Credential, Format, Instant, Reason, Stage

PREFIX: Final = "JX1:"
STAGES: Final = (Stage.PREFIX, Stage.BASE45, Stage.COSE, Stage.SIGNATURE, Stage.TIME, Stage.SCHEMA, Stage.COLOUR)

COLOUR, SCHEME, ROLE = -65537, -65538, -65539
"""Private claims: below -65536 nobody registers any (RFC 8392 §9.1.1)."""

LEEWAY_S: Final = 5.0
"""How far an issuer's clock may be ahead of ours."""

LIFE_LIMIT_S: Final = 300
SUBJECT_BYTES: Final = 16

SCHEMES: Final[Mapping[int, frozenset[Colour]]] = {
    1: frozenset({Colour.GREEN, Colour.YELLOW, Colour.ORANGE, Colour.RED}),  # March 2020
    2: frozenset({Colour.RED, Colour.YELLOW, Colour.GREEN, Colour.BLACK_AND_WHITE}),  # April 2020
}

_ROLES: Final = ("visitor", "staff")
_CTI_BYTES: Final = range(8, 33)
_ISS_CHARS: Final = range(1, 65)
_CLAIMS: Final = {claims.ISS, claims.SUB, claims.EXP, claims.IAT, claims.CTI, COLOUR, SCHEME, ROLE}


def verify(text: str, trust: TrustStore, now: Instant) -> Credential:
    """Verify a text that begins with PREFIX, in the order of STAGES; RejectionError says which stage failed and why."""
    envelope = cose.open_envelope(base45.decode(text[len(PREFIX) :]))
    signers = cose.find_signers(envelope, trust, Format.JIXIANG)
    said = claims.read_claims(envelope.payload)
    issuer = said.get(claims.ISS)
    key = cose.within_scope(signers, issuer if isinstance(issuer, str) else None)
    expires_utc = _judge_time(said, now)
    issuer, subject, code_id = _judge_schema(said)
    return Credential(
        format=Format.JIXIANG, issuer=issuer, key_id=key.key_id, subject=subject, code_id=code_id,
        colour=_judge_colour(said), expires_utc=expires_utc, copyable=False, single_use=True,
    )  # fmt: skip


def _judge_time(said: Claims, now: Instant) -> float:
    issued_utc, expires_utc = (claims.time_claim(said, label) for label in (claims.IAT, claims.EXP))
    if not 0 < expires_utc - issued_utc <= LIFE_LIMIT_S:
        raise RejectionError(
            Stage.TIME, Reason.LIFETIME, f"A Jixiang code lives at most {LIFE_LIMIT_S} s; this is none."
        )
    claims.judge_time(issued_utc, expires_utc, now, LEEWAY_S)
    return float(expires_utc)


def _judge_schema(said: Claims) -> tuple[str, bytes, bytes]:
    """Return iss, sub and cti; RejectionError(SCHEMA) names the claim that is not as the format has it."""
    if said.keys() != _CLAIMS:
        raise _unfit("a claim is missing or unknown")
    issuer, subject, code_id = said[claims.ISS], said[claims.SUB], said[claims.CTI]
    if type(said[claims.EXP]) is not int or type(said[claims.IAT]) is not int:
        raise _unfit("exp and iat must be whole seconds")
    if not isinstance(issuer, str) or len(issuer) not in _ISS_CHARS or not _is_printable_ascii(issuer):
        raise _unfit("iss must be 1 to 64 printable ASCII characters")
    if not isinstance(subject, bytes) or len(subject) != SUBJECT_BYTES:
        raise _unfit(f"sub must be {SUBJECT_BYTES} bytes")
    if not isinstance(code_id, bytes) or len(code_id) not in _CTI_BYTES:
        raise _unfit("cti must be 8 to 32 bytes")
    if said[ROLE] not in _ROLES:
        raise _unfit("the role is unknown")
    return issuer, subject, code_id


def _judge_colour(said: Claims) -> Colour:
    """Return green; RejectionError(COLOUR): the reason is the colour, or SCHEMA if the scheme has no such one."""
    scheme, name = said[SCHEME], said[COLOUR]
    allowed = SCHEMES.get(scheme, frozenset()) if type(scheme) is int else frozenset()
    for colour in allowed:
        if colour.value == name:
            if colour is Colour.GREEN:
                return colour
            raise RejectionError(Stage.COLOUR, Reason(colour.value), f"The code is true, and {name}.")
    raise RejectionError(Stage.COLOUR, Reason.SCHEMA, "The colour is not one of the scheme that the code names.")


def _is_printable_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _unfit(what: str) -> RejectionError:
    return RejectionError(Stage.SCHEMA, Reason.SCHEMA, f"The code is not a Jixiang code as agreed: {what}.")
