"""Photographs by others: at least what the bare libraries read, nothing wrong, nothing where nothing is."""

from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from pyzbar import pyzbar

from gatefw.drivers.reader.symbols import Symbols
from gatefw.simulation.render import flatten

pytestmark = pytest.mark.corpora

PHOTOGRAPHS = ("qrcode-*", "inverted", "multi-qrcode-*")
EMPTY = ("falsepositives*", "unsupported", "partial")
FOLDERS = ("zxing/core/src/test/resources/blackbox", "zxing-cpp/test/samples")


def pictures(corpora: Path, kinds: tuple[str, ...]) -> list[Path]:
    found = [
        picture
        for folder in FOLDERS
        for kind in kinds
        for picture in sorted((corpora / folder).glob(f"{kind}/*"))
        if picture.suffix in {".png", ".jpg", ".gif", ".webp"}
    ]
    assert found, f"no picture under {corpora}"
    return found


def luma_of(picture: Path) -> np.ndarray:
    with Image.open(picture) as opened:
        return np.array(flatten(opened))


def bare_texts(luma: np.ndarray) -> set[str]:
    read = {
        code.text
        for code in zxingcpp.read_barcodes(
            luma, formats=zxingcpp.BarcodeFormat.QRCode, text_mode=zxingcpp.TextMode.Plain
        )
    }
    try:
        decoded = pyzbar.decode(luma, symbols=[pyzbar.ZBarSymbol.QRCODE])
    except ValueError:
        return read
    return read | {code.data.decode() for code in decoded if code.data.isascii()}


def expected(picture: Path) -> str | None:
    beside = picture.with_suffix(".txt")
    return "\n".join(beside.read_text("utf-8").splitlines()) if beside.is_file() else None


def test_each_photograph_gives_at_least_what_the_bare_libraries_read(corpora):
    for picture in pictures(corpora, PHOTOGRAPHS):
        luma = luma_of(picture)
        found = {scan.text for scan in Symbols().read_still(luma)}
        assert found >= bare_texts(luma), picture.name


def test_no_text_differs_from_the_one_beside_the_picture(corpora):
    wrong, right = [], 0
    for picture in pictures(corpora, PHOTOGRAPHS):
        wanted = expected(picture)
        luma = luma_of(picture)
        found = {"\n".join(scan.text.splitlines()) for scan in Symbols().read_still(luma)}
        if wanted is not None and found:
            right += wanted in found
            # a picture may hold a second code, which the text beside it does not name: zxing-cpp alone reads it too
            others = found - {wanted} - {"\n".join(text.splitlines()) for text in bare_texts(luma)}
            if wanted not in found or others:
                wrong.append((picture.name, wanted, found))
    assert wrong == []
    assert right >= 167  # what bare zxing-cpp and bare zbar read together of the visible photographs


def test_nothing_is_found_where_nothing_is(corpora):
    for picture in pictures(corpora, EMPTY):
        luma, symbols = luma_of(picture), Symbols()
        assert symbols.read_still(luma) == (), picture
        assert symbols.read(luma) == ((), False), picture
