"""What a gate takes of its machine: memory and processor time of the daemon and the reader's worker together.

The gate is `gatefw simulate --live`, at 10 frames a second with visitors coming and going. Its daemon's process also
holds the simulation's subscriber, so the figure is a little over that of a real gate. The yard, the broker and
multiprocessing's own tracker are left out: on a Pi there are none or they are no part of us.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GATEFW = Path(sys.executable).parent / "gatefw"
MEMORY_AIM_MB = 200.0
SLOPE_AIM_MB_PER_DAY = 1.0
WARM_UP_S = 10.0
IDLE_SHARE = 1.0
"""Percent of a core; decoding ten frames a second takes more, so less means that nothing was measured."""

MB = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _gate(pid: int) -> list[int]:
    """Daemon and worker, wherever among the daemon's threads' children the worker is."""
    tasks = Path(f"/proc/{pid}/task")
    children = {child for task in tasks.iterdir() for child in _of_thread(task)} if tasks.is_dir() else set()
    return [pid, *sorted(child for child in children if _is_worker(child))]


def _of_thread(task: Path) -> list[int]:
    try:
        return [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        return []


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


def _busy_s(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


Sample = tuple[float, float, float, int]
"""Seconds since the start, resident MB, processor seconds used, processes found."""


def _watched(gate: subprocess.Popen[bytes], lasts_s: float) -> Iterator[Sample]:
    begun, used_s = time.monotonic(), dict[int, float]()
    while gate.poll() is None and (at_s := time.monotonic() - begun) < lasts_s:
        pids = _gate(gate.pid)
        # A worker that was killed and started again keeps what it had used.
        used_s.update({pid: _busy_s(pid) for pid in pids})
        yield at_s, sum(map(_resident_bytes, pids)) / MB, sum(used_s.values()), len(pids)
        time.sleep(0.5)


def _slope_mb_per_day(samples: list[Sample]) -> float:
    """Least squares over time."""
    mean_s = sum(at_s for at_s, *_ in samples) / len(samples)
    mean_mb = sum(mb for _, mb, *_ in samples) / len(samples)
    spread = sum((at_s - mean_s) ** 2 for at_s, *_ in samples)
    return 86400 * sum((at_s - mean_s) * (mb - mean_mb) for at_s, mb, *_ in samples) / spread


def _figure(figure: str, value: float, unit: str, aim: str | None, met: bool | None) -> dict[str, Any]:
    told = {"bench": "memory", "figure": figure, "value": value, "unit": unit}
    return {**told, "reference": None, "ratio": None, "aim": aim, "met": met}


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Watch one gate for 35 s (quick) or ten minutes; raises RuntimeError when it ends before it is warm."""
    lasts_s, visitors = (35.0, 12) if quick else (600.0, 150)
    command = [str(GATEFW), "simulate", "--visitors", str(visitors), "--seed", "7", "--live", "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as gate:
        try:
            samples = [sample for sample in _watched(gate, lasts_s) if sample[0] >= WARM_UP_S and sample[3] >= 2]
        finally:
            gate.send_signal(signal.SIGINT)  # it ends its broker and its yard itself
    if len(samples) < 10:
        raise RuntimeError("the simulated gate ended before it could be measured: try `gatefw simulate --live`")
    peak_mb = max(mb for _, mb, *_ in samples)
    took_s = samples[-1][0] - samples[0][0]
    share = 100 * (samples[-1][2] - samples[0][2]) / took_s
    if share < IDLE_SHARE:
        raise RuntimeError("the simulated gate stood still: try `gatefw simulate --live`")
    yield _figure("daemon and worker, peak RSS", peak_mb, "MB", "<= 200 MB", peak_mb <= MEMORY_AIM_MB)
    yield _figure("processor, visitors at 10 frames/s", share, "% of a core", None, None)
    slope = _slope_mb_per_day(samples)
    # Half a minute says nothing about a day.
    yield _figure(
        f"growth, over {took_s:.0f} s", slope, "MB/day", "< 1 MB/day", None if quick else slope < SLOPE_AIM_MB_PER_DAY
    )
