"""The whole real chain under our class: extended bus, Blinka and PureIO; only open() and ioctl() are simulated."""

import ctypes
import errno
import io
from typing import Any

import adafruit_extended_bus
import pytest
from Adafruit_PureIO import smbus

from gatefw.drivers.thermometer import Thermometer, open_bus
from gatefw.errors import DeviceFault
from gatefw.simulation.mlx90614 import ADDRESS, Senses, SimulatedBus, simulated_bus


class DeviceFile(io.RawIOBase):
    """What open("/dev/i2c-1") gives."""

    def __init__(self, bus: SimulatedBus) -> None:
        super().__init__()
        self.bus = bus
        self.address = 0

    def fileno(self) -> int:
        return 987_654

    def write(self, data: Any) -> int:
        self.bus.writeto(self.address, bytes(data))
        return len(data)

    def read(self, size: int = -1) -> bytes:
        answer = bytearray(size)
        self.bus.readfrom_into(self.address, answer)
        return bytes(answer)


class Kernel:
    """The two calls that PureIO makes, in front of a simulated bus."""

    def __init__(self, bus: SimulatedBus) -> None:
        self.bus = bus
        self.file = DeviceFile(bus)
        self.lengths: list[int] = []

    def open(self, path: str, *_: object, **__: object) -> DeviceFile:
        assert path == "/dev/i2c-1"
        self.bus.try_lock()
        return self.file

    def ioctl(self, _: int, request: int, argument: Any = 0) -> int:
        if request == smbus.I2C_SLAVE:
            self.file.address = argument
            return 0
        assert request == smbus.I2C_RDWR
        out, into = argument.msgs[0], argument.msgs[1]
        assert (argument.nmsgs, out.len) == (2, 1)
        answer = bytearray(into.len)
        self.bus.writeto_then_readfrom(
            out.addr, bytes((out.buf[0][0] if isinstance(out.buf[0], bytes) else out.buf[0],)), answer
        )
        ctypes.memmove(into.buf, bytes(answer), into.len)
        self.lengths.append(into.len)
        return 0


class World:
    """The truth at the sensor."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self.at_s = 0.0

    def sense(self) -> Senses:
        return Senses(object_c=35.0, ambient_c=22.0, fault=self.fault, at_s=self.at_s)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def kernel(world: World, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    bus = simulated_bus(world.sense, 7)
    assert bus.try_lock()
    bus.writeto(ADDRESS, b"")
    bus.unlock()
    world.at_s = 1.0
    kernel = Kernel(bus)
    monkeypatch.setattr(smbus, "open", kernel.open, raising=False)
    monkeypatch.setattr(smbus, "ioctl", kernel.ioctl)
    monkeypatch.setattr(adafruit_extended_bus.path, "exists", lambda name: str(name) == "/dev/i2c-1")
    return kernel


def test_a_word_and_its_pec_come_through_every_library(kernel: Kernel) -> None:
    with Thermometer(open_bus(1), pause=lambda _: None) as thermometer:
        reading = thermometer.read(1.0)
    assert reading.object_c == pytest.approx(34.8, abs=0.8)
    assert set(kernel.lengths) == {3}


@pytest.mark.parametrize(
    ("fault", "code"), [("nak", "i2c_nak"), ("pec", "pec_error"), ("ones", "sensor_error"), ("stuck", "bus_stuck")]
)
def test_faults_keep_their_names_through_every_library(world: World, kernel: Kernel, fault: str, code: str) -> None:
    thermometer = Thermometer(open_bus(1), pause=lambda _: None)
    world.fault = fault
    with pytest.raises(DeviceFault) as caught:
        thermometer.read(1.0)
    assert caught.value.code == code
    thermometer.close()


def test_a_bus_that_may_not_be_opened_says_which_group(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> DeviceFile:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(smbus, "open", refuse)
    with pytest.raises(DeviceFault, match="group i2c") as caught:
        open_bus(1)
    assert caught.value.code == "i2c_missing"
