"""How long a technician waits for `gatefw --help`, beside the bare interpreter."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

GATEFW = Path(sys.executable).parent / "gatefw"
ALLOWANCE_S = 0.1
"""The aim is 3 times the bare interpreter plus this."""


def _took_s(*command: str) -> float:
    begun = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begun


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Give the median time of `gatefw --help`; the two commands take turns, so that a busy machine slows both."""
    pairs = [(_took_s(str(GATEFW), "--help"), _took_s(sys.executable, "-c", "pass")) for _ in range(7 if quick else 31)]
    ours, bare = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    yield {
        "bench": "start",
        "figure": "gatefw --help",
        "value": ours,
        "unit": "s",
        "reference": bare,
        "ratio": ours / bare,
        "aim": "<= 3 x bare + 0.1 s",
        "met": ours <= 3 * bare + ALLOWANCE_S,
    }
