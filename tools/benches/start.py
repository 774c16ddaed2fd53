"""How long a technician waits: for `gatefw --help`, beside the bare interpreter, and for a gate to be ready."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from gatefw.decision.state import Phase
from gatefw.simulation.broker import Broker
from gatefw.simulation.gatelink import start_gate
from gatefw.simulation.strikes import PATIENCE_S, live_yard, settle
from gatefw.simulation.turnstile import Controller

GATEFW = Path(sys.executable).parent / "gatefw"
ALLOWANCE_S = 0.1
"""The aim is 3 times the bare interpreter plus this."""
READY_AIM_S = 2.0


def took_s(*command: str) -> float:
    begun = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begun


def ready_s(starts: int) -> list[float]:
    """Start a gate so often on one store, as its service would, before a simulated yard: until it invites visitors."""
    with tempfile.TemporaryDirectory(prefix="gatefw-bench-") as folder, Broker() as broker:
        address = (broker.host, broker.port)
        settings = settle(Path(folder), "bench", address, seed=1, controller=Controller.LEVEL)
        with live_yard(settings, 1, ()) as yard:
            took: list[float] = []
            for _ in range(starts):
                begun = perf_counter()
                with start_gate(yard, settings) as gate:
                    gate.await_phase(Phase.IDLE, PATIENCE_S)
                    took.append(perf_counter() - begun)
                    gate.stop()
            return took


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Give medians; `--help` and the bare interpreter take turns, so that a busy machine slows both."""
    pairs = [(took_s(str(GATEFW), "--help"), took_s(sys.executable, "-c", "pass")) for _ in range(7 if quick else 31)]
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
    ready = median(ready_s(5 if quick else 21))
    yield {
        "bench": "start",
        "figure": "a gate, to its invitation",
        "value": ready,
        "unit": "s",
        "reference": None,
        "ratio": None,
        "aim": "<= 2 s",
        "met": ready <= READY_AIM_S,
    }
