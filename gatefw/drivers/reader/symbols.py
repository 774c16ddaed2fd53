"""Luma plane to texts: zxing-cpp on every frame, zbar on frames that it misses, in turns.

QR codes only. Micro QR and rMQR are not read, nor Grid Matrix, which GB/T 38961 recommends: neither library knows
it. A code that spreads over several symbols (structured append) is read by its parts, each a text of its own.
A text is what the decoder gave, whatever it is: nothing is trimmed, mapped or believed here.

zbar alone costs about ten times what zxing-cpp does, and most frames hold nothing. So it takes one missed frame
in `ZBAR_EVERY`, and at once a frame in which zxing-cpp located a code that it could not read.
"""

import enum
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from pyzbar import pyzbar

from gatefw.model import TEXT_LIMIT_CHARS, Decoder, Scan

Luma = NDArray[np.uint8]

ZBAR_EVERY: Final = 4
"""Keeps the mean cost of an empty frame near 3 times bare zxing-cpp (the aim is 4); `tools/bench read` measures."""
SCAN_LIMIT: Final = 8
"""More different codes in one frame than these are a wall of codes: nobody is admitted on any of them."""
STILL_SCALES: Final = (0.5, 0.25)
"""A still picture may be far sharper than any frame: dirt and moiré vanish in a smaller copy."""
STILL_LEAST_SIDE_PX: Final = 200


class ZbarTry(enum.Enum):
    """How zbar looks at a missed frame. It reads no light-on-dark code unless the frame is inverted for it."""

    PLAIN = enum.auto()
    INVERTED = enum.auto()


TRIES: Final = (ZbarTry.PLAIN, ZbarTry.PLAIN, ZbarTry.INVERTED)
"""Dark screens are the fewer, and zxing-cpp looks for them in every frame."""
_QR: Final[Any] = zxingcpp.BarcodeFormat.QRCode


class Symbols:
    """Reads codes from frames; keeps only whose turn it is. Not for use from two threads."""

    def __init__(self, *, zxing: bool = True, zbar: bool = True) -> None:
        if not (zxing or zbar):
            raise ValueError("Both decoders are switched off; switch on zxing or zbar.")
        self._zxing = zxing
        self._zbar = zbar
        self._misses = 0
        self._turn = 0

    def read(self, luma: Luma) -> tuple[tuple[Scan, ...], bool]:
        """Read one frame, `luma` of shape (height, width). Never raises for what is in the picture.

        Returns each different text once, and whether a code was located that could not be read (only said when
        no other code was read).
        """
        scans: tuple[Scan, ...] = ()
        glimpsed = False
        if self._zxing:
            scans, glimpsed = zxing_scans(luma)
        if not scans and self._zbar and self._zbars_turn(glimpsed):
            scans = tuple(zbar_scans(luma, self._next_try()))
        return _each_once(scans), glimpsed and not scans

    def read_still(self, luma: Luma) -> tuple[Scan, ...]:
        """Read one picture with every means, however long it takes: one scan per text and decoder.

        zbar guesses the encoding of what is not ASCII, often wrongly: such a text counts only where zxing-cpp
        read nothing at all.
        """
        found: dict[tuple[str, Decoder], Scan] = {}
        for scan in self._thoroughly(luma):
            found.setdefault((scan.text, scan.decoder), scan)
        scans = tuple(found.values())
        if any(scan.decoder is Decoder.ZXING for scan in scans):
            return tuple(scan for scan in scans if scan.decoder is Decoder.ZXING or scan.text.isascii())
        return scans

    def _zbars_turn(self, glimpsed: bool) -> bool:
        self._misses += 1
        return glimpsed or not self._zxing or self._misses % ZBAR_EVERY == 0

    def _next_try(self) -> ZbarTry:
        self._turn = (self._turn + 1) % len(TRIES)
        return TRIES[self._turn - 1]

    def _thoroughly(self, luma: Luma) -> Iterator[Scan]:
        for copy in _copies(luma):
            if self._zxing:
                yield from zxing_scans(copy)[0]
                yield from zxing_scans(copy, zxingcpp.Binarizer.GlobalHistogram)[0]
            if self._zbar:
                yield from zbar_scans(copy, ZbarTry.PLAIN)
                yield from zbar_scans(copy, ZbarTry.INVERTED)


def _each_once(scans: tuple[Scan, ...]) -> tuple[Scan, ...]:
    return tuple({scan.text: scan for scan in scans}.values())[:SCAN_LIMIT]


def _copies(luma: Luma) -> Iterator[Luma]:
    yield luma
    for scale in STILL_SCALES:
        step = round(1 / scale)
        if min(luma.shape) // step >= STILL_LEAST_SIDE_PX:
            yield _shrunk(luma, step)


def _shrunk(luma: Luma, step: int) -> Luma:
    """Average squares of `step` pixels."""
    height, width = (side // step for side in luma.shape)
    squares = luma[: height * step, : width * step].reshape(height, step, width, step)
    mean: Luma = squares.mean(axis=(1, 3), dtype=np.float32).astype(np.uint8)
    return mean


# ---------------------------------------------------------------- zxing-cpp


def zxing_scans(
    luma: Luma, binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage
) -> tuple[tuple[Scan, ...], bool]:
    """Ask zxing-cpp. Returns the scans, and whether a QR code was located that it could not read."""
    found = zxingcpp.read_barcodes(
        luma,
        formats=_QR,
        # the other modes rewrite control characters, so that two different texts could look the same
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=binarizer,
        return_errors=True,
    )
    # the format QRCode also finds Micro QR, whose one finder pattern is seen in all kinds of pictures
    codes = [code for code in found if code.format == _QR]
    read = tuple(
        Scan(text=_zxing_text(code), decoder=Decoder.ZXING, inverted=_is_inverted(luma, code))
        for code in codes
        if code.valid
    )
    return read, len(read) < len(codes)


def _zxing_text(code: zxingcpp.Barcode) -> str:
    try:
        text: str = code.text
    except UnicodeDecodeError:
        text = bytes(code.bytes).decode("latin-1")
    return _storable(text)


def _is_inverted(luma: Luma, code: zxingcpp.Barcode) -> bool:
    """Compare the middle of the first finder pattern with the quiet zone beside it: light on dark, or dark on light.

    The finder pattern is seven modules wide (ISO/IEC 18004:2015, 6.3.3), its middle the three by three around
    (3.5, 3.5); 1.5 modules outside the corner lies the quiet zone.
    """
    modules = 17 + 4 * int(getattr(code, "extra", {}).get("Version", 5))
    corner, right, below = (code.position.top_left, code.position.top_right, code.position.bottom_left)

    def luma_at(offset_modules: float) -> int:
        part = offset_modules / modules
        x = corner.x + part * (right.x - corner.x + below.x - corner.x)
        y = corner.y + part * (right.y - corner.y + below.y - corner.y)
        row, column = min(max(round(y), 0), luma.shape[0] - 1), min(max(round(x), 0), luma.shape[1] - 1)
        return int(luma[row, column])

    return luma_at(3.5) > luma_at(-1.5)


# ---------------------------------------------------------------- zbar


def zbar_scans(luma: Luma, how: ZbarTry) -> Iterator[Scan]:
    """Ask zbar for QR codes only: its other symbologies hold the memory bugs and the false reads.

    pyzbar raises ValueError for a structured-append code, because zbar gives it no orientation; then zbar has
    nothing to say of this frame.
    """
    inverted = how is ZbarTry.INVERTED
    height, width = luma.shape
    if not luma.size:
        return
    # bytes, although pyzbar could take the array's own memory: its cast of that is a reference cycle, which
    # would keep frame upon frame until the collector runs. A copy costs 1/500 of zbar's time.
    pixels = (255 - luma if inverted else luma).tobytes()
    try:
        decoded = pyzbar.decode((pixels, width, height), symbols=[pyzbar.ZBarSymbol.QRCODE])
    except ValueError:
        return
    for code in decoded:
        yield Scan(text=_zbar_text(code.data), decoder=Decoder.ZBAR, inverted=inverted)


def _zbar_text(data: bytes) -> str:
    """Decode what zbar made of the bytes: UTF-8 mostly, after a guess at the encoding that may be wrong."""
    try:
        return _storable(data.decode())
    except UnicodeDecodeError:
        return _storable(data.decode("latin-1"))


def _storable(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 stream could carry on, and bound the length."""
    return text.encode(errors="replace").decode()[: TEXT_LIMIT_CHARS + 1]
