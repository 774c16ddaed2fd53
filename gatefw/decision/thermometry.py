"""What the infrared thermometer's numbers are worth: constants, correction, uncertainty, stability."""

from dataclasses import dataclass, fields
from math import isfinite, sqrt
from statistics import median
from typing import Final

from gatefw.units import celsius, kelvin

MAD_TO_SIGMA: Final = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation: 1/Φ⁻¹(3/4)."""

MEDIAN_SE: Final = 1.2533
"""Standard error of a median over that of a mean, for normal noise: √(π/2)."""

SUPPLY_C_PER_V: Final = 0.6
"""MLX90614 data sheet rev 13: a 3 V part reads 0.6 °C higher per volt above 3 V."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeverRules:
    """Every constant of the measurement. Raises ValueError for a number that can't be meant.

    The sensor (defaults: DCC, data sheet rev 13): `samples` good readings make a measurement, `settling_s`
    apart; `noise_c` is a reading's standard deviation, `ambient_noise_c` that of TA; `good_fraction` of the
    readings asked for must have come. Stability: spread at most twice the noise; slope at most
    `slope_limit_c_per_s`, TA's drift at most `ambient_drift_c_per_min`, each beyond three standard errors; a
    step of `step_c` between two readings is a body that comes or goes: the window starts afresh.
    `frozen_samples` equal words are never believed; over `frozen_s` they are a fault.

    The correction: `device_offset_c` (black body), c0 and c1 (from the site's calibration) are added;
    `correction_limit_c` bounds what c0 and c1 may do. The decision: `guard_k` standard uncertainties on each
    side of `limit_c`. `u_*_c` are standard uncertainties: the part (±0.2 °C), supply, emissivity and c0.
    """

    samples: int = 9
    settling_s: float = 0.14
    noise_c: float = 0.18
    ambient_noise_c: float = 0.05
    good_fraction: float = 2 / 3
    max_tries: int = 3
    tries_window_s: float = 15.0
    remeasure_after_s: float = 5.0
    object_min_c: float = 28.0
    object_max_c: float = 43.0
    step_c: float = 1.5
    slope_limit_c_per_s: float = 0.15
    ambient_drift_c_per_min: float = 0.5
    frozen_samples: int = 9
    frozen_s: float = 5.0
    supply_v: float = 3.0
    device_offset_c: float = 0.0
    emissivity: float = 0.98
    c0_c: float = 0.5
    c1: float = 0.0
    reference_ambient_c: float = 24.0
    correction_limit_c: float = 2.5
    ambient_min_c: float = 16.0
    ambient_max_c: float = 35.0
    low_c: float = 34.5
    limit_c: float = 37.3
    guard_k: float = 1.64
    u_sensor_c: float = 0.115
    u_supply_c: float = 0.02
    u_emissivity_c: float = 0.06
    u_c0_c: float = 0.10

    def __post_init__(self) -> None:
        for field in fields(self):
            if not isfinite(getattr(self, field.name)):
                raise ValueError(f"fever rules: {field.name} must be a finite number")
        for holds, sentence in _bounds(self):
            if not holds:
                raise ValueError(f"fever rules: {sentence}")


def _bounds(rules: FeverRules) -> tuple[tuple[bool, str], ...]:
    uncertainties = (rules.u_sensor_c, rules.u_supply_c, rules.u_emissivity_c, rules.u_c0_c)
    return (
        (2 <= rules.frozen_samples <= rules.samples <= 99, "samples is 2-99, frozen_samples 2 to samples"),
        (
            rules.settling_s > 0 and rules.samples * rules.settling_s <= 2.5,
            "samples times settling_s is at most 2.5 s",
        ),
        (rules.noise_c > 0 and rules.ambient_noise_c > 0, "noise_c and ambient_noise_c are more than 0 °C"),
        (0.5 <= rules.good_fraction <= 1, "good_fraction is 0.5-1"),
        (
            1 <= rules.max_tries <= 9 and rules.tries_window_s > 0,
            "max_tries is 1-9, tries_window_s more than 0",
        ),
        (
            0 <= rules.remeasure_after_s < rules.tries_window_s,
            "remeasure_after_s is less than tries_window_s",
        ),
        (0 < rules.object_min_c < rules.object_max_c <= 50, "0 < object_min_c < object_max_c <= 50 °C"),
        (
            rules.step_c > 0 and rules.slope_limit_c_per_s > 0,
            "step_c and slope_limit_c_per_s are more than 0",
        ),
        (
            rules.ambient_drift_c_per_min > 0 and rules.frozen_s > 0,
            "ambient drift and frozen_s are more than 0",
        ),
        (
            2 <= rules.supply_v <= 5.5 and abs(rules.device_offset_c) <= 2,
            "supply_v is 2-5.5 V, device offset ±2 °C",
        ),
        (0.9 <= rules.emissivity <= 1, "emissivity of skin is 0.9-1"),
        (0 <= rules.correction_limit_c <= 2.5, "correction_limit_c is 0-2.5 °C"),
        (abs(rules.c0_c) <= 2.5 and abs(rules.c1) <= 0.5, "c0_c is within ±2.5 °C, c1 within ±0.5"),
        (-40 <= rules.ambient_min_c < rules.ambient_max_c <= 50, "ambient_min_c is less than ambient_max_c"),
        (30 <= rules.low_c < rules.limit_c <= 38, "30 <= low_c < limit_c <= 38 °C"),
        (min(uncertainties) >= 0 and 0 < rules.guard_k <= 4, "u_*_c are not negative, guard_k is 0-4"),
    )


def corrected_c(object_c: float, ambient_c: float, rules: FeverRules) -> float:
    """Estimate the body's temperature (°C) from a raw object and ambient temperature.

    Supply: TO − (VDD − 3)·0.6 (MLX90614 data sheet). Skin: inverse of the radiation balance of a grey body
    that mirrors its surroundings, T_read⁴ = ε·T_skin⁴ + (1 − ε)·T_env⁴ in kelvin, as read with factory ε = 1.
    Site: T̂ = T_skin + c0 + c1·(T_ref − TA), that correction within ±`correction_limit_c`.
    """
    read_c = object_c - (rules.supply_v - 3.0) * SUPPLY_C_PER_V + rules.device_offset_c
    mirrored = (1 - rules.emissivity) * kelvin(ambient_c) ** 4
    skin_c = celsius(((kelvin(read_c) ** 4 - mirrored) / rules.emissivity) ** 0.25)
    site_c = rules.c0_c + rules.c1 * (rules.reference_ambient_c - ambient_c)
    return skin_c + max(-rules.correction_limit_c, min(rules.correction_limit_c, site_c))


def uncertainty_c(rules: FeverRules) -> float:
    """Combine the standard uncertainty (°C) of one measurement: root sum of squares (GUM 5.1.2, independent).

    The sampling part is the standard error of a median of `samples` readings, 1.2533·σ/√N.
    """
    sampling_c = MEDIAN_SE * rules.noise_c / sqrt(rules.samples)
    parts = (rules.u_sensor_c, rules.u_supply_c, rules.u_emissivity_c, rules.u_c0_c, sampling_c)
    return sqrt(sum(part * part for part in parts))


def guard_c(rules: FeverRules) -> float:
    """Half the width (°C) of the band around `limit_c` in which one measurement decides nothing."""
    return rules.guard_k * uncertainty_c(rules)


def is_stable(
    times_s: tuple[float, ...],
    objects_c: tuple[float, ...],
    ambients_c: tuple[float, ...],
    rules: FeverRules,
) -> bool:
    """Tell whether a window of increasing times shows one steady object in a steady housing.

    Limits widen by three standard errors: over 1.1 s the slope of pure noise alone has one of 0.17 °C/s.
    """
    centre_c = median(objects_c)
    spread_c = MAD_TO_SIGMA * median([abs(value - centre_c) for value in objects_c])
    slope, slope_se = _slope(times_s, objects_c, rules.noise_c)
    drift, drift_se = _slope(times_s, ambients_c, rules.ambient_noise_c)
    return (
        spread_c <= 2 * rules.noise_c
        and abs(slope) <= rules.slope_limit_c_per_s + 3 * slope_se
        and abs(drift) <= rules.ambient_drift_c_per_min / 60 + 3 * drift_se
    )


def _slope(times_s: tuple[float, ...], values_c: tuple[float, ...], noise_c: float) -> tuple[float, float]:
    """Least-squares slope and its standard error, both °C/s, for readings of known noise."""
    mid_s = sum(times_s) / len(times_s)
    weights = [at_s - mid_s for at_s in times_s]
    square = sum(weight * weight for weight in weights)
    slope = sum(weight * value for weight, value in zip(weights, values_c, strict=True)) / square
    return slope, noise_c / sqrt(square)
