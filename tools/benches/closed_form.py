#!/usr/bin/env python3
"""What a screening at 37.3 °C must say of a normal population, by integration; knows nothing of the gate's code.

A forehead's skin S is normal in the population. One measurement is M = S + c0 + e, with e the median of n normal
errors (its density is the order statistic's: n!/(k!k!)·F^k·(1−F)^k·f with k = (n−1)/2). It decides outside
L ± 1.64·u; between, a second M' is averaged in and the mean is held against L. u² is the sum of the squares of
the part's ±0.2 °C (rectangular), supply, emissivity, c0 and the median's own error.

    closed_form.py --sd 0.797 --c0 0.5 [--fever 1.2]    prints one JSON object of rates
"""

import argparse
import json
import math

import numpy as np
from numpy.typing import NDArray

FIELD_MEAN_C = 35.49
"""18,024 readings at an entrance: IEEE Sensors Journal 2021, doi 10.1109/JSEN.2021.3058958."""
LIMIT_C = 37.3
LOW_C = 34.5
NOISE_C = 0.18
SAMPLES = 9

Floats = NDArray[np.float64]


def cumulative(x: Floats) -> Floats:
    """Integrate the standard normal density up to x."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in np.ravel(x)]).reshape(np.shape(x))


def median_density(x: Floats) -> Floats:
    """Density of the median of `SAMPLES` errors of standard deviation `NOISE_C`, at x."""
    k = (SAMPLES - 1) // 2
    f = np.exp(-0.5 * (x / NOISE_C) ** 2) / (NOISE_C * math.sqrt(2 * math.pi))
    below = cumulative(x / NOISE_C)
    return math.factorial(SAMPLES) / math.factorial(k) ** 2 * (below * (1 - below)) ** k * f


def half_width_c() -> float:
    """1.64 times the standard uncertainty of one measurement."""
    part, supply, emissivity, c0 = 0.2 / math.sqrt(3), 0.02, 0.06, 0.10
    median = math.sqrt(math.pi / 2) * NOISE_C / math.sqrt(SAMPLES)
    return 1.64 * math.sqrt(part**2 + supply**2 + emissivity**2 + c0**2 + median**2)


def rates(sd_c: float, c0_c: float, fever_c: float) -> dict[str, float]:
    """Integrate over skin and both errors."""
    w = half_width_c()
    e = np.linspace(-0.5, 0.5, 401)
    weight_e = median_density(e)
    weight_e /= weight_e.sum()
    survives = np.concatenate([np.cumsum(weight_e[::-1])[::-1], [0.0]])  # P(error >= e[i])
    s = np.linspace(-6, 6, 4801) * sd_c
    weight_s = np.exp(-0.5 * (s / sd_c) ** 2)
    weight_s /= weight_s.sum()
    m = FIELD_MEAN_C + fever_c + c0_c + s[:, None] + e[None, :]
    high = m > LIMIT_C + w
    band = (m > LIMIT_C - w) & ~high
    needed = 2 * LIMIT_C - m - (m - e[None, :])  # the second error at which the mean reaches the limit
    index = np.clip(np.ceil((needed + 0.5) / (e[1] - e[0]) - 0.5).astype(int), 0, len(e))
    pooled = band * survives[index]

    def mean(share: Floats) -> float:
        return float(weight_s @ (share @ weight_e))

    return {
        "half_width_c": w,
        "high_at_first": mean(high.astype(float)),
        "in_band": mean(band.astype(float)),
        "refused": mean(high + pooled),
        "low_at_first": mean((m < LOW_C).astype(float)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd", type=float, required=True, help="of the population's skin, °C")
    parser.add_argument("--c0", type=float, required=True, help="from skin to body, °C")
    parser.add_argument("--fever", type=float, default=0.0, help="added to everybody, °C")
    chosen = parser.parse_args()
    print(json.dumps(rates(chosen.sd, chosen.c0, chosen.fever)))


if __name__ == "__main__":
    main()
