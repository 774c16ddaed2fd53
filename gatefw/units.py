"""Units that cross rooms. A name carries its unit: `_s` seconds, `_c` degrees Celsius, `_px` pixels, `_v` volts."""

from typing import Final

KELVIN_AT_0_C: Final = 273.15


def kelvin(t_c: float) -> float:
    """Turn degrees Celsius into kelvin."""
    return t_c + KELVIN_AT_0_C


def celsius(t_k: float) -> float:
    """Turn kelvin into degrees Celsius."""
    return t_k - KELVIN_AT_0_C
