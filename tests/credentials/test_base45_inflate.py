import tracemalloc
import zlib

import base45 as reference
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw.credentials import base45
from gatefw.credentials.inflate import INFLATED_LIMIT_BYTES, inflate
from gatefw.credentials.rejection import RejectionError
from gatefw.model import Reason


@given(st.binary(max_size=400))
def test_base45_reads_what_another_library_writes(data: bytes) -> None:
    assert base45.decode(reference.b45encode(data).decode()) == data


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=60))
def test_base45_agrees_with_another_library_on_every_text_of_the_alphabet(text: str) -> None:
    try:
        expected: bytes | None = reference.b45decode(text)
    except ValueError:
        expected = None
    try:
        got: bytes | None = base45.decode(text)
    except RejectionError:
        got = None
    assert got == expected


@pytest.mark.parametrize(
    "text",
    ["BB8\n", "\n", "bb8", "BB\u0666", "BB8\x00", "\ud800", "A", "BB8A", ":::", "::", "GGW", "BB=", "BB\u212a"],
    ids=ascii,
)
def test_base45_refuses(text: str) -> None:
    with pytest.raises(RejectionError):
        base45.decode(text)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zlib.compress(b"a")[:-1], Reason.MALFORMED),
        (zlib.compress(b"a") + b"\0", Reason.MALFORMED),
        (zlib.compress(b"a") * 2, Reason.MALFORMED),
        (b"", Reason.MALFORMED),
        (b"\xd2\x84", Reason.MALFORMED),
        (zlib.compress(b"a")[:-4] + b"\0\0\0\0", Reason.MALFORMED),
        (zlib.compress(bytes(INFLATED_LIMIT_BYTES + 1)), Reason.OVERSIZE),
        (zlib.compress(bytes(2_500_000), 9), Reason.OVERSIZE),
    ],
    ids=["cut", "trailing", "twice", "nothing", "not zlib", "checksum", "one too many", "a bomb in one code"],
)
def test_inflate_refuses(data: bytes, reason: Reason) -> None:
    with pytest.raises(RejectionError) as why:
        inflate(data)
    assert why.value.reason is reason


@pytest.mark.parametrize("size", [0, 1, INFLATED_LIMIT_BYTES])
def test_inflate_reads_up_to_its_bound(size: int) -> None:
    assert inflate(zlib.compress(bytes(size))) == bytes(size)


def test_a_bomb_is_stopped_before_it_is_unpacked() -> None:
    bomb = zlib.compress(bytes(2_500_000), 9)
    tracemalloc.start()
    with pytest.raises(RejectionError):
        inflate(bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 * INFLATED_LIMIT_BYTES
