"""The infrared thermometer: `part` reads and checks one MLX90614, `sampler` keeps reading it."""

from gatefw.drivers.thermometer.part import Identity, Thermometer, open_bus
from gatefw.drivers.thermometer.sampler import Sampler

__all__ = ["Identity", "Sampler", "Thermometer", "open_bus"]
