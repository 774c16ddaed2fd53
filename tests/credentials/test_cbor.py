import math
import struct

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatefw.credentials import cbor

KEYS = st.integers(-(2**63), 2**63) | st.text(max_size=30)
ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300)
    | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=8,
)


@settings(max_examples=40)
@given(ITEMS)
def test_what_another_library_writes_is_read_back(item: object) -> None:
    assert cbor.decode(cbor2.dumps(item)) == item


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_never_read_otherwise_than_by_another_library(data: bytes) -> None:
    try:
        item = cbor.decode(data)
    except cbor.CborError:
        return
    if b"\xc0" not in data and b"\xc1" not in data:  # dates come without their tag here
        assert cbor2.loads(data) == item


@settings(max_examples=40)
@given(ITEMS, st.data())
def test_a_changed_byte_is_read_or_refused(item: object, data: st.DataObject) -> None:
    encoded = bytearray(cbor2.dumps(item))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    try:
        cbor.decode(bytes(encoded))
    except cbor.CborError as why:
        assert str(why)


@settings(max_examples=30)
@given(ITEMS, st.data())
def test_data_cut_short_is_refused(item: object, data: st.DataObject) -> None:
    encoded = cbor2.dumps(item)
    with pytest.raises(cbor.CborError):
        cbor.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


NESTED_15 = b"\x81" * 15 + b"\x00"
READ = [
    ("half precision", b"\xf9\x3c\x00", 1.0),
    ("single precision", b"\xfa\x3f\x80\x00\x00", 1.0),
    ("double precision", b"\xfb" + struct.pack(">d", 1.5), 1.5),
    ("a length longer than it need be", b"\x79\x00\x01a", "a"),
    ("a date in text (tag 0)", b"\xc0\x6a2021-01-01", "2021-01-01"),
    ("a date in seconds (tag 1)", b"\xc1\x01", 1),
    ("as deep as allowed", b"\x81" + NESTED_15, None),
    ("as many items as allowed", b"\x99\x08\x00" + b"\x00" * 2048, [0] * 2048),
]
REFUSED = [
    ("nothing", b""),
    ("trailing bytes", b"\x00\x00"),
    ("a duplicate key", b"\xa2\x01\x00\x01\x00"),
    ("a duplicate key, written differently", b"\xa2\x01\x00\x18\x01\x00"),
    ("a duplicate text key", b"\xa2\x61a\x00\x61a\x00"),
    ("a key that equals another as a truth value", b"\xa2\x01\x00\xf5\x00"),
    ("a key that is a number with a fraction", b"\xa1\xf9\x3c\x00\x00"),
    ("a key of bytes", b"\xa1\x41a\x00"),
    ("NaN, half", b"\xf9\x7e\x00"),
    ("NaN, double", b"\xfb" + struct.pack(">d", math.nan)),
    ("infinity", b"\xf9\x7c\x00"),
    ("undefined", b"\xf7"),
    ("a simple value", b"\xf8\xff"),
    ("a break without a beginning", b"\xff"),
    ("an indefinite array", b"\x9f\x00\xff"),
    ("an indefinite map", b"\xbf\xff"),
    ("indefinite text", b"\x7f\x61a\xff"),
    ("a reserved length", b"\x1c" + bytes(16)),
    ("text that is not UTF-8", b"\x61\xff"),
    ("a regular expression (tag 35)", b"\xd8\x23\x68(a*)*b{9"),
    ("a decimal fraction with a huge exponent (tag 4)", b"\xc4\x82\x1a\x3b\x9a\xca\x00\x01"),
    ("a big number (tag 2)", b"\xc2\x41\x01"),
    ("a shared reference (tag 29)", b"\xd8\x1d\x00"),
    ("a date that is no text", b"\xc0\x01"),
    ("a date that is no number", b"\xc1\xf5"),
    ("one level too deep", b"\x81" * 2 + NESTED_15),
    ("ten thousand levels", b"\x81" * 10_000),
    ("tags upon tags", b"\xc1" * 10_000),
    ("one item too many", b"\x99\x08\x01" + b"\x00" * 2049),
    ("a promise of 2^63 items", b"\x9b\x80" + b"\x00" * 7),
    ("a promise of 2^63 pairs", b"\xbb\x80" + b"\x00" * 7),
    ("a promise of 2^63 bytes", b"\x5b\x80" + b"\x00" * 7),
    ("more bytes than the bound", b"\x59\xff\xfe" + b"\x00" * 65534),
]


@pytest.mark.parametrize(("data", "item"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_read(data: bytes, item: object) -> None:
    got = cbor.decode(data)
    assert got == item or item is None


@pytest.mark.parametrize("data", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(data: bytes) -> None:
    with pytest.raises(cbor.CborError):
        cbor.decode(data)
