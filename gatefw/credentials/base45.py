"""Base45 (RFC 9285), strictly: only the alphabet, whole groups, no value above two bytes (or one).

The package of the same name takes a trailing newline and needs most of the time of an ECDSA verification for one
certificate; this is the same arithmetic on whole arrays.
"""

from typing import Final

import numpy as np

from gatefw.credentials.rejection import RejectionError
from gatefw.model import Reason, Stage

_ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
"""RFC 9285, table 1: a character's place is its value."""

_NO_DIGIT: Final = 255
_DIGITS: Final = bytes(_ALPHABET.index(code) if code in _ALPHABET else _NO_DIGIT for code in range(256))
_WEIGHTS: Final = np.array([1, 45, 45 * 45], dtype=np.uint32)


def decode(text: str) -> bytes:
    """Return the bytes that `text` stands for; RejectionError(BASE45) for anything that RFC 9285 §4 refuses."""
    digits = _digits(text)
    whole = len(digits) - len(digits) % 3
    triples = np.frombuffer(digits, np.uint8, whole).reshape(-1, 3) @ _WEIGHTS
    if triples.size and int(triples.max()) > 0xFFFF:
        raise _refused("a group of three stands for more than two bytes")
    return triples.astype(">u2").tobytes() + _last_byte(digits[whole:])


def _digits(text: str) -> bytes:
    try:
        digits = text.encode("ascii").translate(_DIGITS)
    except UnicodeEncodeError:
        raise _refused("it holds a character outside the Base45 alphabet") from None
    if _NO_DIGIT in digits:
        raise _refused("it holds a character outside the Base45 alphabet")
    return digits


def _last_byte(rest: bytes) -> bytes:
    if not rest:
        return b""
    if len(rest) == 1:
        raise _refused("one character is left over")
    value = rest[0] + 45 * rest[1]
    if value > 0xFF:
        raise _refused("the last pair stands for more than one byte")
    return bytes([value])


def _refused(sentence: str) -> RejectionError:
    return RejectionError(Stage.BASE45, Reason.MALFORMED, f"This is not Base45: {sentence}.")
