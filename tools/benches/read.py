"""Reading codes: cost of an empty frame, recall on photographs and drawn phones, and what the worker's wire costs.

References are the bare libraries on the same frames in the same run: zxing-cpp with its defaults, zbar through pyzbar,
each for QR codes only. Photographs are those of $GATEFW_CORPORA or ../shared/corpora; without them their figures are
left out, and stderr says so.
"""

import functools
import multiprocessing.connection
import os
import random
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zxingcpp
from PIL import Image
from pyzbar import pyzbar

from gatefw.drivers.reader.reader import Reader
from gatefw.drivers.reader.symbols import Symbols
from gatefw.model import FrameRead
from gatefw.simulation.camera import FRAME_HEADER, open_simulated
from gatefw.simulation.render import Renderer, flatten
from gatefw.simulation.scene import Phone, Scene

WIDTH, HEIGHT = 640, 480
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
FRAMES_A_VISIT = 10
FOLDERS = ("zxing/core/src/test/resources/blackbox", "zxing-cpp/test/samples")
PHOTOGRAPHS, EMPTY = ("qrcode-*", "inverted", "multi-qrcode-*"), ("falsepositives*", "unsupported", "partial")
ROOT = Path(__file__).resolve().parents[2]

Luma = np.ndarray
Figure = dict[str, Any]


def run(quick: bool) -> Iterator[Figure]:
    yield from empty_frames(200 if quick else 1000)
    yield from photographs()
    yield from phones(50 if quick else 400)
    yield from hand_over(100 if quick else 500)


def figure(
    name: str, value: float, unit: str, reference: float | None = None, aim: str | None = None, met: bool | None = None
) -> Figure:
    ratio = value / reference if reference else None
    return {
        "bench": "read", "figure": name, "value": value, "unit": unit, "reference": reference, "ratio": ratio,
        "aim": aim, "met": met,
    }  # fmt: skip


def bare_zxing(luma: Luma) -> set[str]:
    found = zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode, text_mode=zxingcpp.TextMode.Plain)
    return {code.text for code in found}


def bare_zbar(luma: Luma) -> set[str]:
    try:
        found = pyzbar.decode(luma, symbols=[pyzbar.ZBarSymbol.QRCODE])
    except ValueError:
        return set()
    return {code.data.decode("utf-8", "replace") for code in found}


def timed_ms(call: Callable[[Luma], object], luma: Luma) -> float:
    began_s = time.perf_counter()
    call(luma)
    return (time.perf_counter() - began_s) * 1000


# ---------------------------------------------------------------- empty frames


def empty_frames(count: int) -> Iterator[Figure]:
    renderer, symbols = Renderer(width_px=WIDTH, height_px=HEIGHT, seed=1), Symbols()
    costs: dict[str, list[float]] = {"ours": [], "zxing": [], "zbar": []}
    for number in range(count):
        luma = renderer.render(Scene(noise_sd=3.0 + number % 6), number)
        for name, call in (("zxing", bare_zxing), ("ours", symbols.read), ("zbar", bare_zbar)):
            costs[name].append(timed_ms(call, luma))
    mean_ms, zxing_ms = float(np.mean(costs["ours"])), float(np.mean(costs["zxing"]))
    p99_ms, zbar_ms = (float(np.percentile(costs[name], 99)) for name in ("ours", "zbar"))
    yield figure("empty frame, mean", mean_ms, "ms", zxing_ms, "<= 4 x bare zxing-cpp", mean_ms <= 4 * zxing_ms)
    yield figure("empty frame, p99", p99_ms, "ms", zbar_ms, "<= 1.5 x bare zbar", p99_ms <= 1.5 * zbar_ms)


# ---------------------------------------------------------------- photographs


def photographs() -> Iterator[Figure]:
    corpora = Path(os.environ.get("GATEFW_CORPORA") or ROOT.parent / "shared" / "corpora")
    pictures = list(pictures_of(corpora, PHOTOGRAPHS))
    if not pictures:
        print(f"read: no photographs in {corpora}; their figures are left out", file=sys.stderr)
        return
    ours = union = wrong = 0
    for picture in pictures:
        luma = luma_of(picture)
        bare = {lines(text) for text in bare_zxing(luma) | bare_zbar(luma)}
        found = {lines(scan.text) for scan in Symbols().read_still(luma)}
        beside = picture.with_suffix(".txt")
        wanted = {lines(beside.read_text("utf-8"))} if beside.is_file() else bare
        ours, union = ours + bool(found & wanted), union + bool(bare & wanted)
        wrong += bool(found) and not found & wanted
    yield figure("photographs read", ours, "pictures", union, ">= bare zxing-cpp and zbar", ours >= union)
    yield figure("photographs read wrongly", wrong, "pictures", None, "0", wrong == 0)
    false = sum(bool(Symbols().read_still(luma_of(p))) for p in pictures_of(corpora, EMPTY))
    yield figure("codes found where none is", false, "pictures", None, "0", false == 0)


def pictures_of(corpora: Path, kinds: tuple[str, ...]) -> Iterator[Path]:
    for folder in FOLDERS:
        for kind in kinds:
            found = sorted((corpora / folder).glob(f"{kind}/*"))
            yield from (path for path in found if path.suffix in {".png", ".jpg", ".gif", ".webp"})


def luma_of(picture: Path) -> Luma:
    with Image.open(picture) as opened:
        return np.array(flatten(opened))


def lines(text: str) -> str:
    return "\n".join(text.splitlines())


# ---------------------------------------------------------------- phones


def phones(visits: int) -> Iterator[Figure]:
    renderer, chance = Renderer(width_px=WIDTH, height_px=HEIGHT, seed=2), random.Random(2)
    ours = zxing = union = first = first_union = wrong = 0
    dark = dark_ours = dark_zxing = 0
    ours_ms: list[float] = []
    zxing_ms: list[float] = []
    for visit in range(visits):
        phone = a_phone(chance)
        frames = [renderer.render(Scene(phones=(phone,)), visit * 20 + n) for n in range(FRAMES_A_VISIT)]
        symbols = Symbols()
        mine = [{scan.text for scan in symbols.read(luma)[0]} for luma in frames]
        by_zxing, by_zbar = [bare_zxing(luma) for luma in frames], [bare_zbar(luma) for luma in frames]
        read, read_zxing = phone.text in set().union(*mine), phone.text in set().union(*by_zxing)
        ours, zxing = ours + read, zxing + read_zxing
        union += phone.text in set().union(*by_zxing, *by_zbar)
        first, first_union = first + (phone.text in mine[0]), first_union + (phone.text in by_zxing[0] | by_zbar[0])
        wrong += bool(set().union(*mine) - {phone.text})
        dark += phone.dark_mode
        dark_ours += phone.dark_mode and read
        dark_zxing += phone.dark_mode and read_zxing
        if phone.text in by_zxing[0]:
            zxing_ms += [timed_ms(bare_zxing, luma) for luma in frames[:5]]
            ours_ms += [timed_ms(symbols.read, luma) for luma in frames[:5]]
    took_ms, bare_ms = float(np.median(ours_ms)), float(np.median(zxing_ms))
    yield figure(
        "frame with a phone, median", took_ms, "ms", bare_ms, "<= 1.1 x bare zxing-cpp", took_ms <= 1.1 * bare_ms
    )
    yield figure("phones read within 10 frames", ours, "phones", union, ">= bare zxing-cpp and zbar", ours >= union)
    yield figure("phones read in the first frame", first, "phones", first_union)
    yield figure(
        "phones in dark mode read", dark_ours, "phones", dark_zxing, ">= bare zxing-cpp", dark_ours >= dark_zxing
    )
    yield figure("phones in dark mode shown", dark, "phones")
    yield figure("phones shown", visits, "phones")
    yield figure("phones read wrongly", wrong, "phones", None, "0", wrong == 0)


def a_phone(chance: random.Random) -> Phone:
    """One phone as visitors hold it, bad cases included: far, tilted, blurred, dim, shining."""
    prefix, length = chance.choice((("JX1:", 330), ("HC1:", 650)))
    return Phone(
        text=prefix + "".join(chance.choices(ALPHABET, k=length)),
        x=chance.uniform(0.4, 0.6),
        y=chance.uniform(0.42, 0.58),
        size=chance.uniform(0.35, 0.65),
        roll_deg=chance.gauss(0, 12),
        yaw_deg=chance.triangular(-45, 45, 0),
        pitch_deg=chance.triangular(-45, 45, 0),
        blur_px=chance.uniform(0.3, 2.0),
        motion_px=chance.choice((0, 0, 2, 4)),
        brightness=chance.uniform(0.15, 1.0),
        dark_mode=chance.random() < 0.3,
        glare=chance.choice((0.0, 0.0, 0.4, 0.8)),
    )


# ---------------------------------------------------------------- the worker's wire


def hand_over(frames: int) -> Iterator[Figure]:
    """What lies between the end of decoding in the worker and the answer in the daemon's hands."""
    late_ms: list[float] = []
    decode_ms: list[float] = []

    def put(seen: object) -> None:
        if isinstance(seen, FrameRead):
            late_ms.append((time.monotonic() - seen.handed_s - seen.decode_s) * 1000)
            decode_ms.append(seen.decode_s * 1000)

    luma = Renderer(width_px=WIDTH, height_px=HEIGHT, seed=3).render(
        Scene(phones=(Phone(text="JX1:" + "A1B2" * 80),)), 1
    )
    with tempfile.TemporaryDirectory() as folder:
        address, key = f"{folder}/yard", secrets.token_bytes(16)
        with multiprocessing.connection.Listener(address, family="AF_UNIX", authkey=key) as listener:
            threading.Thread(target=show, args=(listener, luma), daemon=True).start()
            opener = functools.partial(
                open_simulated, address=address, authkey=key, width_px=WIDTH, height_px=HEIGHT, fps=10
            )
            with Reader(open_camera=opener, put=put, monotonic=time.monotonic) as reader:
                began_s = time.monotonic()
                reader.poll()
                start_s = time.monotonic() - began_s
                for _ in range(frames):
                    reader.poll()
    yield figure("worker's start to its first frame", start_s, "s")
    yield figure("hand-over of the answer, median", float(np.median(late_ms)), "ms", float(np.median(decode_ms)))
    yield figure("hand-over of the answer, p99", float(np.percentile(late_ms, 99)), "ms")


def show(listener: multiprocessing.connection.Listener, luma: Luma) -> None:
    answer = FRAME_HEADER.pack(WIDTH, HEIGHT, 0.0) + luma.tobytes()
    try:
        with listener.accept() as connection:
            connection.recv_bytes()
            while connection.recv_bytes():
                connection.send_bytes(answer)
    except (EOFError, OSError):
        return
