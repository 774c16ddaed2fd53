"""Lamps, sound and words for visitors: the table (`signs`), its rhythms (`patterns`), the lines (`lights`)."""

from gatefw.drivers.indicator.lights import Buzzer, Indicator, IndicatorLines
from gatefw.drivers.indicator.signs import SIGNS, TABLE_VERSION, Kind, Lamps, Sign, lamps

__all__ = [
    "SIGNS",
    "TABLE_VERSION",
    "Buzzer",
    "Indicator",
    "IndicatorLines",
    "Kind",
    "Lamps",
    "Sign",
    "lamps",
]
