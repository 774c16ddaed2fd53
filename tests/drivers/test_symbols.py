"""What the decoders make of frames: real decoders over drawn scenes, and over anything at all."""

import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyzbar import pyzbar

from gatefw.drivers.reader.symbols import SCAN_LIMIT, ZBAR_EVERY, Symbols, ZbarTry, zbar_scans
from gatefw.model import Decoder
from gatefw.simulation.render import Renderer, code_modules
from gatefw.simulation.scene import Phone, Scene

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
JX1 = "JX1:" + "".join(ALPHABET[i * 17 % 45] for i in range(330))
HC1 = "HC1:" + "".join(ALPHABET[i * 29 % 45] for i in range(650))
RENDERER = Renderer(width_px=640, height_px=480, seed=3)


def seen(*phones: Phone, **scene: object) -> np.ndarray:
    return RENDERER.render(Scene(phones=phones, **scene), 7)


def close_up(text: str | bytes, module_px: int = 3) -> np.ndarray:
    modules = np.where(code_modules(text) == 1, 20, 235).astype(np.uint8)
    return np.kron(modules, np.ones((module_px, module_px), dtype=np.uint8))


def texts(symbols: Symbols, luma: np.ndarray) -> list[str]:
    return [scan.text for scan in symbols.read(luma)[0]]


@pytest.mark.parametrize("text", [JX1, HC1], ids=["JX1", "HC1"])
@pytest.mark.parametrize(
    "look",
    [
        {},
        {"yaw_deg": 15, "pitch_deg": -12, "roll_deg": 14},
        {"roll_deg": 180},
        {"blur_px": 1.0, "size": 0.6},
        {"dark_mode": True},
        {"dark_mode": True, "yaw_deg": -15, "brightness": 0.4},
        {"glare": 0.5},
        {"brightness": 0.25},
        {"paper": True, "roll_deg": 30},
    ],
    ids=lambda look: "+".join(look) or "plain",
)
def test_a_phone_as_people_hold_it_is_read(text, look):
    assert texts(Symbols(), seen(Phone(text=text, **look))) == [text]


def test_dark_mode_is_told_from_a_plain_code():
    for dark in (False, True):
        ((scan,), _) = Symbols().read(seen(Phone(text=JX1, dark_mode=dark, roll_deg=9)))
        assert scan.inverted is dark


def test_two_phones_in_one_frame_are_two_scans():
    other = JX1[:-1] + "$"
    luma = seen(Phone(text=JX1, x=0.25, size=0.4), Phone(text=other, x=0.75, size=0.4))
    assert sorted(texts(Symbols(), luma)) == sorted([JX1, other])


def test_the_same_code_twice_in_one_frame_is_one_scan():
    assert texts(Symbols(), seen(Phone(text=JX1, x=0.25, size=0.4), Phone(text=JX1, x=0.75, size=0.4))) == [JX1]


def test_an_empty_hall_and_a_covered_lens_hold_nothing():
    for scene in (Scene(), Scene(blank=True), Scene(light=0.05, noise_sd=12)):
        symbols = Symbols()
        for number in range(2 * ZBAR_EVERY):
            assert symbols.read(RENDERER.render(scene, number)) == ((), False)


def test_a_code_partly_hidden_by_a_thumb_is_glimpsed_and_not_read():
    found = [Symbols().read(seen(Phone(text=JX1, size=0.7, covered=part))) for part in (0.35, 0.5, 0.6)]
    assert all(scans == () for scans, _ in found)
    assert all(glimpsed for _, glimpsed in found)


def test_zbar_reads_what_is_left_to_it_alone_plain_and_inverted():
    symbols = Symbols(zxing=False)
    plain, dark = close_up(JX1), 255 - close_up(JX1)
    shown = (plain, dark, dark, plain, plain, plain)
    assert [texts(symbols, luma) for luma in shown] == [[JX1], [], [JX1], [JX1], [JX1], []]


def test_zbar_takes_its_turn_only_among_missed_frames(monkeypatch):
    tried: list[ZbarTry] = []

    def noted(luma: np.ndarray, how: ZbarTry):
        tried.append(how)
        return zbar_scans(luma, how)

    monkeypatch.setattr("gatefw.drivers.reader.symbols.zbar_scans", noted)
    symbols, empty, code = Symbols(), np.full((120, 160), 128, dtype=np.uint8), close_up("A")
    for _ in range(2 * ZBAR_EVERY):
        symbols.read(code)
    assert tried == []
    for _ in range(6 * ZBAR_EVERY):
        symbols.read(empty)
    assert tried == [ZbarTry.PLAIN, ZbarTry.PLAIN, ZbarTry.INVERTED] * 2


def test_switching_both_decoders_off_is_refused():
    with pytest.raises(ValueError, match="switch on"):
        Symbols(zxing=False, zbar=False)


def test_each_decoder_can_be_switched_off():
    for only in ({"zbar": False}, {"zxing": False}):
        ((scan,), _) = Symbols(**only).read(close_up("A"))
        assert scan.decoder is (Decoder.ZBAR if "zxing" in only else Decoder.ZXING)


@pytest.mark.parametrize("only", [{}, {"zbar": False}, {"zxing": False}], ids=str)
def test_a_part_of_a_structured_append_code_loses_no_frame(only):
    part = next(iter(segno.make_sequence("A" * 200, symbol_count=3)))
    modules = np.array([list(row) for row in part.matrix_iter(border=4)], dtype=np.uint8)
    luma = np.kron(np.where(modules == 1, 20, 235).astype(np.uint8), np.ones((4, 4), dtype=np.uint8))
    scans, glimpsed = Symbols(**only).read(luma)
    assert not glimpsed
    assert all(set(scan.text) == {"A"} and len(scan.text) < 200 for scan in scans)
    Symbols(**only).read_still(luma)


def test_micro_qr_is_not_read():
    modules = np.array([list(row) for row in segno.make_micro("12345").matrix_iter(border=4)], dtype=np.uint8)
    luma = np.kron(np.where(modules == 1, 20, 235).astype(np.uint8), np.ones((8, 8), dtype=np.uint8))
    assert Symbols().read_still(luma) == ()


@pytest.mark.parametrize("text", ["A\x00B", "A\x1dB", "<NUL>", "\r\n\t", " A ", "吉林", "é"])
def test_a_text_is_exactly_what_the_code_says(text):
    assert texts(Symbols(), close_up(text)) == [text]


def test_a_wall_of_codes_is_cut_off():
    row = np.hstack([close_up(f"{n}", 2) for n in range(4)])
    wall = np.vstack([np.hstack([close_up(f"{r}{n}", 2) for n in range(4)]) for r in range(4)] + [row])
    assert len(texts(Symbols(), wall)) == SCAN_LIMIT


def test_a_read_only_plane_and_one_with_gaps_are_read_too():
    luma = close_up(JX1)
    luma.setflags(write=False)
    wide = np.zeros((luma.shape[0], luma.shape[1] + 33), dtype=np.uint8)
    wide[:, :-33] = luma
    for only in ({"zbar": False}, {"zxing": False}):
        for plane in (luma, wide[:, :-33]):
            assert texts(Symbols(**only), plane) == [JX1]


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_no_picture_makes_it_raise(luma):
    symbols = Symbols()
    for _ in range(ZBAR_EVERY):
        scans, _ = symbols.read(luma)
    assert all(isinstance(scan.text, str) for scan in (*scans, *symbols.read_still(luma)))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=120), st.booleans())
def test_no_content_makes_it_raise_and_each_text_can_be_stored(content, with_zxing):
    scans, _ = Symbols(zxing=with_zxing).read(close_up(content))
    for scan in scans:
        scan.text.encode()


def test_what_zbar_gives_undecoded_keeps_each_byte_apart(monkeypatch):
    given = [pyzbar.Decoded(data, "QRCODE", None, None, 1, "UP") for data in (b"\xff", b"\xfe")]
    monkeypatch.setattr("gatefw.drivers.reader.symbols.pyzbar.decode", lambda *_, **__: given)
    found = zbar_scans(close_up("A"), ZbarTry.PLAIN)
    assert [scan.text for scan in found] == ["\xff", "\xfe"]


# ---------------------------------------------------------------- a still picture


def test_a_still_is_read_by_both_decoders_each_named():
    found = Symbols().read_still(close_up(JX1, 4))
    assert {(scan.text, scan.decoder) for scan in found} == {(JX1, Decoder.ZXING), (JX1, Decoder.ZBAR)}


def test_zbars_guess_at_an_encoding_does_not_stand_beside_the_other_decoders_text():
    assert {scan.text for scan in Symbols().read_still(close_up("héllo".encode(), 4))} == {"héllo"}
