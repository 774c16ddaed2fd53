"""From a gate that dies or hangs to the relay's coil off, as the yard saw it: each way, the worst of several lives.

The gate is a process of its own with the turnstile released. The yard's charge pump loses its charge 0.4 s after the
last heartbeat at most. The lines of a dead process fall at once in the yard; on a board whose lines keep their level a
SIGKILL takes as long as a SIGSTOP does here.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gatefw.decision.state import Phase
from gatefw.simulation.broker import Broker
from gatefw.simulation.gatelink import start_gate
from gatefw.simulation.strikes import Way, await_it, live_yard, settle, strike, surroundings
from gatefw.simulation.turnstile import WINDOW_S, Controller

AIM_S = 0.5
LIVES_AT_ONCE = 5
SEED = 3

NAMES = {
    Way.KILL: "SIGKILL to coil off",
    Way.STOP: "SIGSTOP to coil off",
    Way.SPIN: "busy loop to coil off",
    Way.HOLD_INTERPRETER: "endless call into C to coil off",
}


def coil_off_s(broker: tuple[str, int], way: Way, life: int) -> float:
    """One life: released, struck, and how long the coil stayed on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatefw-bench-")))
        # a name of its own: two gates of one name would throw each other off the broker
        name = f"{way.name}-{life}".lower().replace("_", "-")
        settings = settle(folder, name, broker, seed=SEED, controller=Controller.LEVEL)
        yard = stack.enter_context(live_yard(settings, SEED, *surroundings(Phase.OPEN, SEED)))
        gate = stack.enter_context(start_gate(yard, settings, seed=SEED))
        return strike(yard, gate, Phase.OPEN, way).coil_off_s


def latched_s(broker: tuple[str, int]) -> float:
    """One life before a pulse controller, which latches by itself: killed, and how long the way stayed open."""
    with tempfile.TemporaryDirectory(prefix="gatefw-bench-") as folder:
        settings = settle(Path(folder), "pulse", broker, seed=SEED, controller=Controller.PULSE)
        with live_yard(settings, SEED, *surroundings(Phase.OPEN, SEED)) as yard:
            with start_gate(yard, settings, seed=SEED) as gate:
                struck_s = strike(yard, gate, Phase.OPEN, Way.KILL).struck_s
            await_it(lambda: not yard.glance().unlocked, "the latched window ends")
            return max((span.off_s or 0.0) - struck_s for span in yard.report().unlocked)


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Give one figure a way; 3 lives each (quick) or 15."""
    lives = 3 if quick else 15
    with Broker() as broker, ThreadPoolExecutor(LIVES_AT_ONCE) as pool:
        address = (broker.host, broker.port)
        struck = {way: [pool.submit(coil_off_s, address, way, life) for life in range(lives)] for way in Way}
        window = pool.submit(latched_s, address)
        for way, name in NAMES.items():
            worst_s = max(life.result() for life in struck[way])
            yield figure(f"{name}, worst of {lives}", worst_s, f"<= {AIM_S:g} s", worst_s <= AIM_S)
        yield figure(
            "SIGKILL, pulse controller, to locked", window.result(), "the latched window", window.result() <= WINDOW_S
        )


def figure(name: str, value_s: float, aim: str, met: bool) -> dict[str, Any]:
    told = {"bench": "safety", "figure": name, "value": value_s, "unit": "s", "reference": None, "ratio": None}
    return {**told, "aim": aim, "met": met}
