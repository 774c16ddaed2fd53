"""The answers of `gatefw verify` and `gatefw scan`: one a text, one a picture, as JSON or as a line for a person."""

import json
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatefw.credentials import TrustStore, examine
from gatefw.drivers.reader.symbols import Symbols
from gatefw.model import Colour, Credential, Decoder, Examined, Instant, Scan, Stage
from gatefw.technician.pictures import read_luma
from gatefw.technician.sources import UsageError

ACCEPTED, REFUSED, USAGE = 0, 1, 2
"""Exit codes: all accepted; something refused, or a picture without a code; something could not be judged."""


def verify_texts(texts: Iterable[str], trust: TrustStore, now: Instant, *, as_json: bool) -> int:
    """Print one answer a text, in order; return 0 if there was one and all were accepted, else 1."""
    accepted = []
    for text in texts:
        examined = examine(text, trust, now)
        print(json.dumps(code_object(examined, text)) if as_json else sentence(examined), flush=True)
        accepted.append(isinstance(examined.outcome, Credential))
    return ACCEPTED if accepted and all(accepted) else REFUSED


def scan_images(images: Iterable[Path], trust: TrustStore, now: Instant, *, as_json: bool) -> int:
    """Print one answer a picture, in order; return 0, 1 or 2 as the module says."""
    worst = ACCEPTED
    for image in images:
        try:
            answer, judged, code = _scan_one(image, trust, now)
        except UsageError as why:
            print(why, file=sys.stderr)
            worst = USAGE
            continue
        print(json.dumps(answer) if as_json else _picture_sentence(image, judged), flush=True)
        worst = max(worst, code)
    return worst


def _scan_one(image: Path, trust: TrustStore, now: Instant) -> tuple[dict[str, Any], list[Examined], int]:
    began = time.perf_counter()
    scans = Symbols().read_still(read_luma(image))
    texts = list(dict.fromkeys(scan.text for scan in scans))
    judged = [(examine(text, trust, now), text) for text in texts]
    took_ms = (time.perf_counter() - began) * 1e3
    accepted = bool(judged) and all(isinstance(examined.outcome, Credential) for examined, _ in judged)
    answer = {
        "image": str(image),
        "codes": [code_object(examined, text) for examined, text in judged],
        "decoder": {decoder.value: _read_by(decoder, scans) for decoder in Decoder},
        "ms": round(took_ms, 3),
    }
    return answer, [examined for examined, _ in judged], ACCEPTED if accepted else REFUSED


def _read_by(decoder: Decoder, scans: Iterable[Scan]) -> int:
    return len({scan.text for scan in scans if scan.decoder is decoder})


def code_object(examined: Examined, text: str) -> dict[str, Any]:
    """Return the object that other programs rely on: all stages in order, null where not reached or not in it."""
    passed = dict(examined.stages)
    refused = None if isinstance(examined.outcome, Credential) else examined.outcome
    return {
        "text": text,
        "format": examined.format.value,
        "verdict": "refused" if refused else "accepted",
        "reason": refused.reason.value if refused else None,
        "stages": {stage.value: passed.get(stage) for stage in Stage},
    }


def sentence(examined: Examined) -> str:
    """Say the same for a person, in one line: verdict, format, reason, and what to do. It names nobody."""
    outcome = examined.outcome
    if not isinstance(outcome, Credential):
        return f"refused   {examined.format.value:<10}  {outcome.reason.value}: {outcome.detail}"
    until = _written(outcome.expires_utc)
    issuer = _shown(outcome.issuer) if outcome.issuer.isprintable() else "?"
    colour = "" if outcome.colour is Colour.GREEN else f"; but it says {outcome.colour.value}: the gate won't open"
    signer = f"signed by {issuer or 'an unnamed issuer'}"
    return f"accepted  {examined.format.value:<10}  {signer}, counts until {until}{colour}"


def _written(utc_s: float) -> str:
    try:
        return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # a year that no calendar here has
        return "the far future"


def _code_sentence(examined: Examined) -> str:
    outcome = examined.outcome
    if isinstance(outcome, Credential):
        return " ".join(sentence(examined).split())
    why = dict.fromkeys((examined.format.value, outcome.reason.value))
    return f"refused ({', '.join(why)}): {outcome.detail}"


def _picture_sentence(image: Path, judged: Iterable[Examined]) -> str:
    found = [_code_sentence(examined) for examined in judged]
    name = str(image).encode(errors="surrogateescape").decode(errors="replace")  # a file's name may be any bytes
    return f"{_shown(name)}: {' | '.join(found) or 'no code found; hold the camera straight and closer.'}"


def _shown(text: str) -> str:
    """Return `text` with `?` for what this standard output can't write: a stranger's text must not end the answers."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return text.encode(encoding, errors="replace").decode(encoding)
