"""What a gate takes of its machine: memory and processor time of the daemon and its worker together.

The gate is a process of its own at 10 frames a second, before a yard and a broker that are others' processes and are
left out. First nobody comes, then visitors stream by. Counted is the whole family of processes, multiprocessing's own
tracker included.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec

from gatefw.decision.state import Phase
from gatefw.simulation.broker import Broker
from gatefw.simulation.gatelink import GateProcess, family, resident_bytes, start_gate
from gatefw.simulation.strikes import PATIENCE_S, live_yard, pause, settle
from gatefw.simulation.turnstile import Controller
from gatefw.simulation.visitors import VisitorPlan, draw_plans

MEMORY_AIM_MB = 200.0
SLOPE_AIM_MB_PER_DAY = 1.0
IDLE_AIM_SHARE = 25.0
LEAST_SHARE = 1.0
"""Percent of a core; decoding ten frames a second takes more, so less means that nothing was measured."""
LEAST_PROCESSES = 2
WARM_UP_S = 3.0
LOOK_S = 0.5
SEED = 7
FPS = 10

MB = 1024 * 1024
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """At one moment: seconds since the gate was ready, memory in use, processor time used so far, processes."""

    at_s: float
    resident_mb: float
    busy_s: float
    processes: int


def busy_s(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


def watched(gate: GateProcess, lasts_s: float) -> Iterator[Sample]:
    begun, used_s = time.monotonic(), dict[int, float]()
    while gate.exit_code is None and (at_s := time.monotonic() - begun) < lasts_s:
        pids = [member.pid for member in family(gate.pid)]
        # a worker that was killed and started again keeps what it had used
        used_s.update({pid: busy_s(pid) for pid in pids})
        resident_mb = sum(map(resident_bytes, pids)) / MB
        yield Sample(at_s=at_s, resident_mb=resident_mb, busy_s=sum(used_s.values()), processes=len(pids))
        pause(LOOK_S)


def crowd(count: int, first_s: float) -> tuple[VisitorPlan, ...]:
    """Visitors of all fates, the first not before `first_s` seconds."""
    first, *others = draw_plans(count, SEED)
    return replace(first, not_before_s=first_s), *others


def lived(idle_s: float, lasts_s: float) -> list[Sample]:
    """Run one gate and watch it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatefw-bench-")))
        broker = stack.enter_context(Broker())
        settings = settle(folder, "bench", (broker.host, broker.port), seed=SEED, controller=Controller.LEVEL)
        settings = msgspec.structs.replace(settings, reader=msgspec.structs.replace(settings.reader, fps=FPS))
        visitors = crowd(max(8, round(lasts_s / 4)), WARM_UP_S + idle_s)
        yard = stack.enter_context(live_yard(settings, SEED, visitors))
        gate = stack.enter_context(start_gate(yard, settings, seed=SEED))
        gate.await_phase(Phase.IDLE, PATIENCE_S)
        samples = list(watched(gate, WARM_UP_S + lasts_s))
    return [sample for sample in samples if sample.at_s >= WARM_UP_S and sample.processes >= LEAST_PROCESSES]


def share(samples: list[Sample]) -> float:
    """Percent of a core between the first and the last."""
    took_s = samples[-1].at_s - samples[0].at_s
    return 100 * (samples[-1].busy_s - samples[0].busy_s) / took_s


def slope_mb_per_day(samples: list[Sample]) -> float:
    """Least squares over time."""
    mean_s = sum(sample.at_s for sample in samples) / len(samples)
    mean_mb = sum(sample.resident_mb for sample in samples) / len(samples)
    spread = sum((sample.at_s - mean_s) ** 2 for sample in samples)
    return 86400 * sum((s.at_s - mean_s) * (s.resident_mb - mean_mb) for s in samples) / spread


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Watch one gate for half a minute (quick) or 15; raises RuntimeError when it ends or stands still."""
    idle_s, lasts_s = (10.0, 30.0) if quick else (120.0, 900.0)
    samples = lived(idle_s, lasts_s)
    if not samples or samples[-1].at_s < lasts_s:
        raise RuntimeError("the gate ended before it could be measured")
    # a second less than the yard's own time: it opened before the gate was ready
    idle = list(takewhile(lambda sample: sample.at_s < WARM_UP_S + idle_s - 2.0, samples))
    if share(idle) < LEAST_SHARE:
        raise RuntimeError("the gate stood still")
    yield figure("idle at 10 frames/s", share(idle), "% of a core", "<= 25 %", share(idle) <= IDLE_AIM_SHARE)
    busy = samples[len(idle) :]
    yield figure("visitors at 10 frames/s", share(busy), "% of a core")
    peak_mb = max(sample.resident_mb for sample in samples)
    yield figure("daemon and worker, peak RSS", peak_mb, "MB", "<= 200 MB", peak_mb <= MEMORY_AIM_MB)
    later = busy[len(busy) // 3 :]  # each kind of visitor brings in code of its own once
    slope = slope_mb_per_day(later)
    took_s = later[-1].at_s - later[0].at_s
    # half a minute says nothing about a day
    met = None if quick else slope < SLOPE_AIM_MB_PER_DAY
    yield figure(f"growth, over {took_s:.0f} s", slope, "MB/day", "< 1 MB/day", met)


def figure(name: str, value: float, unit: str, aim: str | None = None, met: bool | None = None) -> dict[str, Any]:
    told = {"bench": "memory", "figure": name, "value": value, "unit": unit}
    return {**told, "reference": None, "ratio": None, "aim": aim, "met": met}
