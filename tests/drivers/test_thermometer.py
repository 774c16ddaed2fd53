"""The thermometer's words are checked before they are numbers, under the real library and a register-level part."""

import errno
from collections.abc import Callable

import pytest
from adafruit_mlx90614 import MLX90614
from hypothesis import given
from hypothesis import strategies as st

from gatefw.drivers.thermometer import Identity, Thermometer, open_bus
from gatefw.drivers.thermometer.part import CheckedMLX90614, bus_fault, pec
from gatefw.errors import DeviceFault
from gatefw.simulation.mlx90614 import FAULTS, Senses, SimulatedBus, simulated_bus


class World:
    """The truth at the sensor; a test moves it by hand."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self.object_c, self.ambient_c, self.at_s = 35.0, 22.0, 0.0
        self.paused: list[float] = []

    def sense(self) -> Senses:
        return Senses(object_c=self.object_c, ambient_c=self.ambient_c, fault=self.fault, at_s=self.at_s)

    def bus(self, seed: int = 7) -> SimulatedBus:
        bus = simulated_bus(self.sense, seed)
        assert bus.try_lock()
        bus.writeto(0x5A, b"")
        bus.unlock()
        self.at_s += 1.0
        return bus

    def thermometer(self, **options: Identity | None) -> Thermometer:
        return Thermometer(self.bus(), pause=self.paused.append, **options)  # type: ignore[arg-type]


class RawBus:
    """A bus on which every answer is the same bytes, or an error."""

    def __init__(self, answer: bytes | OSError) -> None:
        self.answer = answer
        self.transfers = 0

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(self, address: int, buffer: bytes, **_: int) -> None:
        pass

    def writeto_then_readfrom(self, address: int, out: bytes, into: bytearray, **_: int) -> None:
        self.transfers += 1
        if isinstance(self.answer, OSError):
            raise self.answer
        into[:] = self.answer

    def deinit(self) -> None:
        pass


def part(answer: bytes | OSError, pause: Callable[[float], None] = lambda _: None) -> CheckedMLX90614:
    return CheckedMLX90614(RawBus(answer), address=0x5A, pause=pause)


def answer_of(word: int, command: int = 0x07) -> bytes:
    data = word.to_bytes(2, "little")
    return data + bytes((pec(bytes((0xB4, command, 0xB5)) + data),))


@pytest.mark.parametrize(("data", "code"), [("b407b5d23a", 0x30), ("b42207c8", 0x48), ("b4ff", 0xE8)])
def test_the_pec_of_the_data_sheets_examples(data: str, code: int) -> None:
    assert pec(bytes.fromhex(data)) == code


def test_a_good_sample_is_what_the_library_reads_with_its_words() -> None:
    world = World()
    reading = world.thermometer().read(5.0)
    assert reading.object_c == pytest.approx(34.8, abs=0.8)
    assert reading.ambient_c == pytest.approx(22.0, abs=0.2)
    assert reading.object_c == pytest.approx(reading.object_raw * 0.02 - 273.15)
    assert reading.ambient_c == pytest.approx(reading.ambient_raw * 0.02 - 273.15)
    assert reading.at_s == 5.0
    assert issubclass(CheckedMLX90614, MLX90614)


CODES = {
    "nak": "i2c_nak",
    "pec": "pec_error",
    "error_flag": "sensor_error",
    "ones": "sensor_error",
    "zeros": "sensor_error",
    "stuck": "bus_stuck",
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_on_the_bus_has_its_name(fault: str) -> None:
    world = World()
    thermometer = world.thermometer()
    world.fault = fault
    if fault in CODES:
        with pytest.raises(DeviceFault) as caught:
            thermometer.read(2.0)
        assert caught.value.code == CODES[fault]
        assert len(str(caught.value)) > 20
    else:
        assert thermometer.read(2.0).object_c == pytest.approx(34.8, abs=0.8)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"\xff\xff\xff", "sensor_error"),
        (b"\x00\x00\x00", "sensor_error"),
        (answer_of(0xFFFF), "sensor_error"),
        (answer_of(0x0000), "sensor_error"),
        (answer_of(0x3A60 | 0x8000), "sensor_error"),
        (answer_of(0x27AC), "sensor_range"),
        (answer_of(0x3A60)[:2] + b"\x00", "pec_error"),
        (answer_of(0x3A60, command=0x06), "pec_error"),
        (OSError(errno.EREMOTEIO, "Remote I/O error"), "i2c_nak"),
        (OSError(errno.EIO, "Input/output error"), "i2c_nak"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), "bus_stuck"),
        (OSError(errno.EBADF, "Bad file descriptor"), "i2c_error"),
    ],
)
def test_a_dead_bus_is_never_a_number(answer: bytes | OSError, code: str) -> None:
    with pytest.raises(DeviceFault) as caught:
        _ = part(answer).object_temperature
    assert caught.value.code == code


def test_the_library_alone_would_make_numbers_of_a_dead_bus() -> None:
    bus = RawBus(b"\xff\xff")
    assert MLX90614(bus).object_temperature == pytest.approx(1037.55)
    bus.answer = b"\x00\x00"
    assert MLX90614(bus).object_temperature == pytest.approx(-273.15)


def test_the_housing_has_a_range_of_its_own() -> None:
    with pytest.raises(DeviceFault) as caught:
        _ = part(answer_of(0x4DC5, command=0x06)).ambient_temperature
    assert caught.value.code == "sensor_range"


@given(st.integers(0, 0xFFFF), st.integers(0, 23))
def test_every_single_damaged_bit_is_caught(word: int, bit: int) -> None:
    damaged = (int.from_bytes(answer_of(word), "little") ^ 1 << bit).to_bytes(3, "little")
    with pytest.raises(DeviceFault):
        part(damaged).read_word(0x07)


@given(st.binary(min_size=3, max_size=3))
def test_any_bytes_are_a_temperature_in_range_or_a_fault(answer: bytes) -> None:
    try:
        object_c = part(answer).object_temperature
    except DeviceFault:
        return
    assert -70.02 <= object_c <= 382.2


def test_what_is_not_acknowledged_is_asked_again_three_times() -> None:
    pauses: list[float] = []
    silent = part(OSError(errno.EREMOTEIO, "Remote I/O error"), pauses.append)
    with pytest.raises(DeviceFault):
        silent.read_word(0x07)
    assert pauses == [0.010, 0.050, 0.200]


def test_a_short_silence_costs_a_pause_and_no_sample() -> None:
    world = World()
    thermometer = world.thermometer()
    world.fault = "nak_burst"
    for _ in range(8):
        thermometer.read(2.0)
    assert set(world.paused) <= {0.010, 0.050}
    assert world.paused


def test_a_stuck_bus_is_not_asked_again() -> None:
    bus = RawBus(OSError(errno.ETIMEDOUT, "Connection timed out"))
    with pytest.raises(DeviceFault):
        CheckedMLX90614(bus, address=0x5A, pause=lambda _: None).read_word(0x07)
    assert bus.transfers == 1


def test_nothing_there_is_said_with_what_to_do() -> None:
    world = World()
    bus = world.bus()
    world.fault = "nak"
    with pytest.raises(DeviceFault, match=r"0x5a.*wiring") as caught:
        Thermometer(bus, pause=world.paused.append)
    assert caught.value.code == "sensor_missing"


def test_a_part_that_is_still_starting_is_not_read() -> None:
    world = World()
    with pytest.raises(DeviceFault) as caught:
        Thermometer(simulated_bus(world.sense, 7), pause=world.paused.append)
    assert caught.value.code == "sensor_starting"


def test_a_part_with_a_damaged_memory_is_refused() -> None:
    with pytest.raises(DeviceFault, match="replace") as caught:
        Thermometer(RawBus(answer_of(0x0030, command=0xF0)), pause=lambda _: None)
    assert caught.value.code == "sensor_error"


def test_the_commissioned_part_is_known_and_another_is_refused() -> None:
    world = World()
    known = world.thermometer().identity
    assert known.emissivity == 0xFFFF
    assert len(set(known.ids)) == 4
    world.thermometer(commissioned=known)
    world.fault = "swapped"
    with pytest.raises(DeviceFault, match="commission") as caught:
        world.thermometer(commissioned=known)
    assert caught.value.code == "sensor_mismatch"


def test_a_part_that_is_swapped_while_we_run_is_found_by_the_check() -> None:
    world = World()
    thermometer = world.thermometer()
    assert thermometer.check() == thermometer.identity
    world.fault = "swapped"
    with pytest.raises(DeviceFault) as caught:
        thermometer.check()
    assert caught.value.code == "sensor_mismatch"


def test_it_closes_twice_safely() -> None:
    with World().thermometer() as thermometer:
        thermometer.close()


def test_a_missing_bus_is_a_fault_that_says_what_to_do() -> None:
    with pytest.raises(DeviceFault, match=r"/dev/i2c-99 .*raspi-config") as caught:
        open_bus(99)
    assert caught.value.code == "i2c_missing"


def test_an_error_of_the_kernel_keeps_its_words() -> None:
    assert "Remote I/O" in str(bus_fault(OSError(errno.EREMOTEIO, "Remote I/O error")))
