"""CBOR (RFC 8949), the strict part that signed codes need, bounded before it starts.

Refused: more than LIMIT_BYTES, nesting deeper than LIMIT_DEPTH, more than LIMIT_ITEMS items, a length beyond the
bytes that are there, indefinite lengths (no real code has one), duplicate keys, keys that are neither integer nor
text, NaN and infinities, tags other than 0 and 1 (dates: some certificates tag them), undefined and other simple
values, bytes after the item.

It is our own because these bytes come from a stranger: a general decoder is memory-unsafe C or too lenient, and a
second pass over its input could disagree with it. One pass cannot.
"""

import math
import struct
from collections.abc import Callable
from typing import Final

LIMIT_BYTES: Final = 65_536
LIMIT_DEPTH: Final = 16
LIMIT_ITEMS: Final = 2_048

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_ONE_BYTE_ARGUMENT: Final = 24
_TEXT_0, _TEXT_24 = 0x60, 0x78
"""First bytes of texts below 24 bytes: most of a certificate, so tried first."""

_DATE_TEXT, _DATE_NUMBER = 0, 1


class CborError(ValueError):
    """These bytes are not CBOR as this module takes it; the sentence says where they leave it."""


def decode(data: bytes) -> object:
    """Return the one item that `data` holds: int, float, bool, None, str, bytes, list or dict.

    Tags 0 and 1 are dropped after a check of what they tag. CborError for everything else.
    """
    if len(data) > LIMIT_BYTES:
        raise CborError(f"more than {LIMIT_BYTES} bytes")
    reader = _Reader(data)
    try:
        value = reader.item(LIMIT_DEPTH)
    except (IndexError, struct.error):
        raise CborError("the data is cut short") from None
    except UnicodeDecodeError:
        raise CborError("a text is not UTF-8") from None
    if reader.at != len(data):
        raise CborError("bytes follow the item" if reader.at < len(data) else "the data is cut short")
    return value


class _Reader:
    """A place in the data, and how many items may still come.

    A text or byte string may reach beyond the end: slices stop there, and the place, which does not, gives it away.
    """

    __slots__ = ("at", "data", "left")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.left = LIMIT_ITEMS

    def item(self, depth: int) -> object:
        at = self.at
        first = self.data[at]
        if _TEXT_0 <= first < _TEXT_24:
            self.at = end = at + first - _TEXT_0 + 1
            return self.data[at + 1 : end].decode()
        self.at = at + 1
        major, low = first >> 5, first & 31
        if major == _SIMPLE:
            return self._simple(low)
        argument = low if low < _ONE_BYTE_ARGUMENT else self._argument(low)
        if major == _TEXT:
            return self._take(argument).decode()
        if major == _UNSIGNED:
            return argument
        if major == _BYTES:
            return self._take(argument)
        if major == _NEGATIVE:
            return -1 - argument
        return self._nested(major, argument, depth)

    def _nested(self, major: int, argument: int, depth: int) -> object:
        if not depth:
            raise CborError(f"nested deeper than {LIMIT_DEPTH}")
        if major == _MAP:
            return self._map(argument, depth - 1)
        if major == _ARRAY:
            self._expect(argument)
            return [self.item(depth - 1) for _ in range(argument)]
        return self._tagged(argument, depth - 1)

    def _map(self, pairs: int, depth: int) -> dict[int | str, object]:
        self._expect(2 * pairs)
        data, item = self.data, self.item
        mapping: dict[int | str, object] = {}
        for _ in range(pairs):  # short texts as in item(), twice more: nearly all of a certificate's keys and values
            at = self.at
            first = data[at]
            if _TEXT_0 <= first < _TEXT_24:
                self.at = end = at + first - _TEXT_0 + 1
                key: object = data[at + 1 : end].decode()
            else:
                key = item(depth)
            if type(key) is not str and type(key) is not int:  # True == 1 would hide a duplicate
                raise CborError("a key is neither integer nor text")
            if key in mapping:
                raise CborError("a key stands twice")
            at = self.at
            first = data[at]
            if _TEXT_0 <= first < _TEXT_24:
                self.at = end = at + first - _TEXT_0 + 1
                mapping[key] = data[at + 1 : end].decode()
            else:
                mapping[key] = item(depth)
        return mapping

    def _tagged(self, tag: int, depth: int) -> object:
        self._expect(1)
        value = self.item(depth)
        if (tag == _DATE_TEXT and isinstance(value, str)) or (
            tag == _DATE_NUMBER and isinstance(value, int | float) and not isinstance(value, bool)
        ):
            return value
        raise CborError(f"tag {tag} is not known here")

    def _simple(self, low: int) -> object:
        if low in _CONSTANTS:
            return _CONSTANTS[low]
        if low not in _FLOATS:
            raise CborError(f"simple value {low} is not known here")
        layout, size = _FLOATS[low]
        (value,) = layout(self.data, self.at)
        self.at += size
        if not math.isfinite(value):
            raise CborError("a number is not finite")
        return value

    def _argument(self, low: int) -> int:
        if low > 27:  # 28-30 are reserved, 31 is an indefinite length
            raise CborError("a length is indefinite or reserved")
        if low == _ONE_BYTE_ARGUMENT:
            self.at += 1
            return self.data[self.at - 1]
        return int.from_bytes(self._take(1 << (low - _ONE_BYTE_ARGUMENT)))

    def _take(self, length: int) -> bytes:
        at = self.at
        self.at = end = at + length
        return self.data[at:end]

    def _expect(self, items: int) -> None:
        """Refuse a promise of more items than are allowed in all, before any of them is read."""
        self.left -= items
        if self.left < 0:
            raise CborError(f"more than {LIMIT_ITEMS} items")


_CONSTANTS: Final[dict[int, bool | None]] = {20: False, 21: True, 22: None}
_FLOATS: Final[dict[int, tuple[Callable[[bytes, int], tuple[float]], int]]] = {
    25: (struct.Struct(">e").unpack_from, 2),
    26: (struct.Struct(">f").unpack_from, 4),
    27: (struct.Struct(">d").unpack_from, 8),
}
