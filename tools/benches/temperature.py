"""The thermometer's decisions over a simulated population, beside an integration made apart (closed_form.py).

Only the drawing is vectorised; every visitor goes through the shipped `decision.fever`. Skin is drawn from the
field's distribution in strata (one visitor a stratum), so that the rates carry little sampling error.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from gatefw.decision import fever
from gatefw.drivers.thermometer import Sampler, Thermometer
from gatefw.model import Reading, TemperatureBand, TemperatureRead
from gatefw.simulation.mlx90614 import FAULTS, Senses, radiometric_k, simulated_bus

FIELD_MEAN_C = 35.49
SITES = {"c1 = 0": (0.797, 0.06), "learnt c1": (0.668, 0.03)}
"""Standard deviation of skin over the field's readings (raw, and with the ambient's part taken out), and the
budget of healthy people refused. Source: doi 10.1109/JSEN.2021.3058958."""
FEVER_C = 1.2
AGREEMENT = 0.05
PLANTED_C = 0.1
AMBIENTS_C = (18.0, 26.0)
"""Uniform: one ambient alone would lay the limit on one place of the 0.02 K grid and shift the rates by it."""
QUANTUM_K = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Shares of the visitors, and the real time of one decision in microseconds."""

    high_at_first: float
    in_band: float
    refused: float
    normal: float
    low: float
    unstable: float
    decision_us: float


def skins(count: int, sd_c: float, fever_c: float, rng: np.random.Generator) -> list[float]:
    """One skin temperature a stratum of equal probability, in random order."""
    inverse = NormalDist(FIELD_MEAN_C + fever_c, sd_c).inv_cdf
    places = (np.arange(count) + rng.uniform(1e-6, 1 - 1e-6, count)) / count
    rng.shuffle(places)
    return [inverse(place) for place in places]


def windows(rng: np.random.Generator, rules: fever.FeverRules) -> Iterator[tuple[Any, Any]]:
    """Noise for one window of object and ambient readings, °C, drawn in blocks."""
    while True:
        objects = rng.normal(0, rules.noise_c, (4096, rules.samples))
        ambients = rng.normal(0, 0.03, (4096, rules.samples))
        yield from zip(objects, ambients, strict=True)


def window(
    skin_c: float, ambient_c: float, noise: tuple[Any, Any], at_s: float, rules: fever.FeverRules
) -> Iterator[Reading]:
    """Readings as the part would give them: emissivity, noise and quantum on what it sees."""
    read_k = radiometric_k(skin_c, ambient_c)
    objects = np.rint((read_k + noise[0]) / QUANTUM_K).astype(int).tolist()
    ambients = np.rint((ambient_c + 273.15 + noise[1]) / QUANTUM_K).astype(int).tolist()
    for number, (object_raw, ambient_raw) in enumerate(zip(objects, ambients, strict=True)):
        yield Reading(
            object_c=object_raw * QUANTUM_K - 273.15,
            ambient_c=ambient_raw * QUANTUM_K - 273.15,
            object_raw=object_raw,
            ambient_raw=ambient_raw,
            at_s=at_s + number * rules.settling_s,
        )


def visit(
    skin_c: float, ambient_c: float, noise: Iterator[tuple[Any, Any]], rules: fever.FeverRules
) -> tuple[fever.Measurement, TemperatureBand]:
    """Measure one person to the end; gives the measurement and its band."""
    m, at_s = fever.begin(0.0), 0.0
    while m.band is None:
        for reading in window(skin_c, ambient_c, next(noise), at_s, rules):
            m = fever.observe(m, reading, rules)
        at_s = at_s + rules.samples * rules.settling_s if m.remeasure_at_s is None else m.remeasure_at_s
    return m, m.band


def population(count: int, sd_c: float, rules: fever.FeverRules, *, fever_c: float = 0.0, seed: int = 7) -> Outcome:
    """Send `count` visitors through the shipped code."""
    rng = np.random.default_rng(seed)
    noise = windows(rng, rules)
    drawn = skins(count, sd_c, fever_c, rng)
    ambients_c = rng.uniform(*AMBIENTS_C, count).tolist()
    bands: Counter[TemperatureBand] = Counter()
    first_high = in_band = 0
    began_s = time.perf_counter()
    for skin_c, ambient_c in zip(drawn, ambients_c, strict=True):
        m, band = visit(skin_c, ambient_c, noise, rules)
        bands[band] += 1
        in_band += m.first_c is not None
        first_high += m.first_c is None and band is TemperatureBand.HIGH
    took_s = time.perf_counter() - began_s
    return Outcome(
        high_at_first=first_high / count,
        in_band=in_band / count,
        refused=bands[TemperatureBand.HIGH] / count,
        normal=bands[TemperatureBand.NORMAL] / count,
        low=bands[TemperatureBand.LOW] / count,
        unstable=bands[TemperatureBand.UNSTABLE] / count,
        decision_us=took_s / count * 1e6,
    )


def integrated(sd_c: float, c0_c: float, fever_c: float = 0.0) -> dict[str, float]:
    """Ask the script that was derived apart."""
    script = Path(__file__).with_name("closed_form.py")
    told = subprocess.run(
        [sys.executable, str(script), "--sd", str(sd_c), "--c0", str(c0_c), "--fever", str(fever_c)],
        check=True,
        capture_output=True,
        text=True,
    )
    rates: dict[str, float] = json.loads(told.stdout)
    return rates


def figure(name: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    """One figure; `reference` gives the ratio."""
    reference = more.get("reference")
    ratio = None if not reference else value / reference
    known = {"reference": reference, "ratio": ratio, "aim": more.get("aim"), "met": more.get("met")}
    return {"bench": "temperature", "figure": name, "value": value, "unit": unit, **known}


def agreement(name: str, value: float, reference: float) -> dict[str, Any]:
    """A rate beside the integration's."""
    met = abs(value / reference - 1) <= AGREEMENT
    return figure(name, value, "share", reference=reference, aim="within 5 % of the integration", met=met)


def faults_called_normal() -> int:
    """Let each fault of the part begin before anything was read, and count measurements that say NORMAL."""
    return sum(_says_normal(fault) for fault in FAULTS if fault not in ("nak_burst", "swapped"))


def _says_normal(fault: str) -> bool:
    at_s, begun, rules = 0.0, False, fever.FeverRules()
    taken: list[Any] = []
    bus = simulated_bus(lambda: Senses(object_c=35.5, ambient_c=22.0, fault=fault if begun else None, at_s=at_s), 7)
    sampler = Sampler(
        open_thermometer=lambda: Thermometer(bus, pause=lambda _: None),
        put=taken.append,
        period_s=rules.settling_s,
        monotonic=lambda: at_s,
    )
    for _ in range(10):
        sampler.poll()
        at_s += rules.settling_s
    begun = True
    taken.clear()
    m = fever.begin(at_s)
    for _ in range(120):
        sampler.poll()
        at_s += rules.settling_s
        for observation in taken:
            if isinstance(observation, TemperatureRead):
                m = fever.observe(m, observation.reading, rules)
        taken.clear()
        m = fever.lapse(m, at_s, rules)
    return m.band is TemperatureBand.NORMAL


def run(quick: bool) -> Iterator[dict[str, Any]]:
    count = 20_000 if quick else 1_000_000
    rules = fever.FeverRules()
    yield figure("visitors of the first site", count, "visitors")
    yield figure("u, standard uncertainty of one measurement", fever.uncertainty_c(rules), "°C")
    yield figure("w, half width of the guard band", fever.guard_c(rules), "°C")
    yield figure("c0, from skin to body", rules.c0_c, "°C")
    share = 1 if quick else 5
    for number, (site, (sd_c, budget)) in enumerate(SITES.items()):
        yield from _site(site, sd_c, budget, count // share**number, rules)
    yield from _planted(20_000 if quick else 100_000, rules)
    yield figure(
        "fault values called NORMAL", faults_called_normal(), "faults", aim="0", met=faults_called_normal() == 0
    )


def _site(site: str, sd_c: float, budget: float, count: int, rules: fever.FeverRules) -> Iterator[dict[str, Any]]:
    healthy, expected = population(count, sd_c, rules), integrated(sd_c, rules.c0_c)
    yield figure(f"{site}: sd of the population", sd_c, "°C")
    for name in ("high_at_first", "in_band", "refused"):
        yield agreement(f"{site}: healthy {name}", getattr(healthy, name), expected[name])
    yield figure(
        f"{site}: healthy refused, of the budget", healthy.refused, "share", reference=budget,
        aim=f"<= {budget}", met=healthy.refused <= budget,
    )  # fmt: skip
    yield figure(f"{site}: healthy too cold (staff)", healthy.low, "share")
    yield figure(f"{site}: healthy unstable after three tries (staff)", healthy.unstable, "share")
    ill = population(min(count, 100_000), sd_c, rules, fever_c=FEVER_C)
    seen = integrated(sd_c, rules.c0_c, FEVER_C)["refused"]
    yield agreement(f"{site}: +{FEVER_C} °C caught", ill.refused, seen)
    yield figure(f"{site}: +{FEVER_C} °C missed (called NORMAL)", ill.normal, "share")
    yield figure(f"{site}: time of one visitor's decision", healthy.decision_us, "µs")


def _planted(count: int, rules: fever.FeverRules) -> Iterator[dict[str, Any]]:
    """An error of 0.1 °C in what the code adds must break the agreement, else the agreement proves nothing."""
    sd_c, _ = SITES["c1 = 0"]
    wrong = population(count, sd_c, replace(rules, device_offset_c=PLANTED_C))
    expected = integrated(sd_c, rules.c0_c)
    yield figure(
        "refused with 0.1 °C planted", wrong.refused, "share", reference=expected["refused"],
        aim="more than 5 % off the integration", met=abs(wrong.refused / expected["refused"] - 1) > AGREEMENT,
    )  # fmt: skip
