"""Zlib (RFC 1950) with a bound: one QR code can hold 2.5 MB of zeros."""

import zlib
from typing import Final

from gatefw.credentials.rejection import RejectionError
from gatefw.model import Reason, Stage

INFLATED_LIMIT_BYTES: Final = 65_536
"""More than ten times the largest certificate met; a code that needs more is not for a gate."""


def inflate(data: bytes) -> bytes:
    """Return the inflated bytes, at most INFLATED_LIMIT_BYTES.

    RejectionError(INFLATE) when the stream is longer, broken, cut short, or followed by anything.
    """
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(data, INFLATED_LIMIT_BYTES + 1)
    except zlib.error:
        raise _refused(Reason.MALFORMED, "The compressed part is broken.") from None
    if len(inflated) > INFLATED_LIMIT_BYTES:
        raise _refused(Reason.OVERSIZE, f"It inflates to more than {INFLATED_LIMIT_BYTES} bytes.")
    if not stream.eof:  # decompressobj is silent when the stream was cut short
        raise _refused(Reason.MALFORMED, "The compressed part is cut short.")
    if stream.unused_data:
        raise _refused(Reason.MALFORMED, "Bytes follow the compressed part.")
    return inflated


def _refused(reason: Reason, sentence: str) -> RejectionError:
    return RejectionError(Stage.INFLATE, reason, sentence)
