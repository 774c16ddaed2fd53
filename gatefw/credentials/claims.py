"""CWT claims (RFC 8392): the map that was signed, and the times between which it counts."""

import math
from typing import Final

from gatefw.credentials import cbor
from gatefw.credentials.rejection import RejectionError
from gatefw.model import Instant, Reason, Stage

ISS, SUB, EXP, IAT, CTI = 1, 2, 4, 6, 7
"""RFC 8392 §4."""

Claims = dict[int | str, object]

_TIMES: Final = {EXP: "exp", IAT: "iat"}


def read_claims(payload: bytes) -> Claims:
    """Return the signed map; RejectionError(TIME): without it nothing says when the code counts."""
    try:
        claims = cbor.decode(payload)
    except cbor.CborError as why:
        raise RejectionError(Stage.TIME, Reason.MALFORMED, f"What was signed can't be read: {why}.") from None
    if not isinstance(claims, dict):
        raise RejectionError(Stage.TIME, Reason.MALFORMED, "What was signed is not a map of claims.")
    return claims


def time_claim(claims: Claims, label: int) -> float:
    """Return iat or exp in Unix seconds (some issuers write fractions); RejectionError(TIME) if there is none."""
    value = claims.get(label)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RejectionError(Stage.TIME, Reason.SCHEMA, f"The claim {_TIMES[label]} is missing or is no time.")
    return value


def judge_time(issued_utc: float, expires_utc: float, now: Instant, leeway_s: float) -> None:
    """Refuse unless the whole interval of `now` lies in [issued - leeway, expires]; RejectionError(TIME).

    Every comparison is written so that a NaN refuses.
    """
    if not (now.trusted and 0 <= now.uncertainty_s < math.inf):
        raise RejectionError(Stage.TIME, Reason.TIME_UNTRUSTED, "Nothing vouches for this gate's clock; set it first.")
    if not now.wall_utc + now.uncertainty_s <= expires_utc:
        raise RejectionError(Stage.TIME, Reason.EXPIRED, "The code has expired; ask for a fresh one.")
    if not issued_utc - leeway_s <= now.wall_utc - now.uncertainty_s:
        raise RejectionError(
            Stage.TIME, Reason.NOT_YET_VALID, "The code is issued after this gate's time; check the clock."
        )
