"""The simulated sensor speaks as the data sheet says, settles, is noisy and repeats itself exactly by seed."""

import errno
from statistics import mean, stdev

import pytest
from adafruit_mlx90614 import MLX90614

from gatefw.simulation.mlx90614 import (
    ADDRESS,
    FAULTS,
    Senses,
    SimulatedBus,
    crc8,
    radiometric_k,
    simulated_bus,
    word,
)
from gatefw.units import celsius


class World:
    """The truth at the sensor; a test moves it by hand."""

    def __init__(self) -> None:
        self.object_c, self.ambient_c, self.fault, self.at_s = 22.0, 22.0, None, 0.0

    def sense(self) -> Senses:
        return Senses(object_c=self.object_c, ambient_c=self.ambient_c, fault=self.fault, at_s=self.at_s)


def ready_bus(world: World, seed: int = 7, variant: str = "DCC") -> SimulatedBus:
    bus = simulated_bus(world.sense, seed, variant)
    transfer(bus, 0xF0)
    world.at_s += 1.0
    return bus


def transfer(bus: SimulatedBus, command: int, length: int = 3) -> bytes:
    answer = bytearray(length)
    assert bus.try_lock()
    try:
        bus.writeto_then_readfrom(ADDRESS, bytes((command,)), answer)
    finally:
        bus.unlock()
    return bytes(answer)


@pytest.mark.parametrize(
    ("data", "code"),
    [("b407b5d23a", 0x30), ("b42207c8", 0x48), ("b4ff", 0xE8)],
)
def test_the_pec_of_the_data_sheets_examples(data: str, code: int) -> None:
    assert crc8(bytes.fromhex(data)) == code


def test_the_library_reads_it() -> None:
    world = World()
    bus = ready_bus(world)
    sensor = MLX90614(bus)
    world.object_c, world.at_s = 22.0, world.at_s + 1
    assert sensor.object_temperature == pytest.approx(22.0, abs=1.0)
    assert sensor.ambient_temperature == pytest.approx(22.0, abs=0.2)


def test_no_data_within_a_quarter_of_a_second_of_power_on() -> None:
    world = World()
    bus = simulated_bus(world.sense, 7)
    assert transfer(bus, 0xF0)[0] & 0x10 == 0
    assert transfer(bus, 0x07)[:2] == b"\0\0"
    world.at_s = 0.25
    assert transfer(bus, 0xF0)[0] & 0x10
    assert transfer(bus, 0x07)[:2] != b"\0\0"


def readings(bus: SimulatedBus, world: World, count: int, step_s: float = 0.14) -> list[float]:
    values = []
    for _ in range(count):
        world.at_s += step_s
        values.append(celsius(int.from_bytes(transfer(bus, 0x07)[:2], "little") * 0.02))
    return values


@pytest.mark.parametrize(("variant", "noise_c"), [("DCC", 0.18), ("DCH", 0.10), ("DAA", 0.05)])
def test_the_noise_is_that_of_the_part(variant: str, noise_c: float) -> None:
    world = World()
    values = readings(ready_bus(world, variant=variant), world, 800, step_s=1.0)
    assert stdev(values) == pytest.approx(noise_c, rel=0.1)
    assert mean(values) == pytest.approx(22.0, abs=0.05)


def test_it_follows_a_step_within_its_settling_time() -> None:
    world = World()
    bus = ready_bus(world, variant="DCH")
    transfer(bus, 0x07)
    world.object_c = 35.0
    world.at_s += 0.01
    early, later = readings(bus, world, 2, step_s=0.33)
    world.at_s += 0.64
    (settled,) = readings(bus, world, 1, step_s=0.01)
    assert early < later - 0.3
    assert settled == pytest.approx(celsius(radiometric_k(35.0, 22.0)), abs=0.5)


def test_skin_reads_too_low_by_the_factorys_emissivity() -> None:
    assert celsius(radiometric_k(35.0, 25.0)) - 35.0 == pytest.approx(-0.19, abs=0.03)
    assert celsius(radiometric_k(25.0, 25.0)) == pytest.approx(25.0)


def test_two_reads_of_one_conversion_are_the_same_word() -> None:
    world = World()
    bus = ready_bus(world)
    assert transfer(bus, 0x07) == transfer(bus, 0x07)


def test_the_same_seed_gives_the_same_words_and_another_does_not() -> None:
    runs = []
    for seed in (1, 1, 2):
        world = World()
        runs.append(readings(ready_bus(world, seed), world, 20))
    assert runs[0] == runs[1] != runs[2]


def test_the_quantum_is_a_fiftieth_of_a_kelvin_and_saturates() -> None:
    assert word(300.0) == 15000
    assert word(0.0) == 0x27AD
    assert word(9999.0) == 0x7FFF


@pytest.mark.parametrize("command", [0x40, 0x61, 0xF1])
def test_an_unknown_command_is_not_acknowledged(command: int) -> None:
    bus = ready_bus(World())
    with pytest.raises(OSError, match="Remote I/O") as caught:
        transfer(bus, command)
    assert caught.value.errno == errno.EREMOTEIO


def test_it_sleeps_and_wakes() -> None:
    world = World()
    bus = ready_bus(world)
    assert bus.try_lock()
    bus.writeto(ADDRESS, b"\xff\xe8")
    bus.unlock()
    with pytest.raises(OSError, match="Remote I/O"):
        transfer(bus, 0x07)
    bus.wake()
    assert transfer(bus, 0xF0)[0] & 0x10 == 0
    world.at_s += 0.25
    assert transfer(bus, 0xF0)[0] & 0x10


def test_nothing_writes_its_memory() -> None:
    bus = ready_bus(World())
    assert bus.try_lock()
    with pytest.raises(OSError, match="Remote I/O"):
        bus.writeto(ADDRESS, b"\x24\x00\x00\x28")


def test_another_address_is_silent() -> None:
    bus = ready_bus(World())
    assert bus.try_lock()
    with pytest.raises(OSError, match="Remote I/O"):
        bus.writeto(0x29, b"")


def test_a_transfer_without_the_lock_is_a_defect() -> None:
    with pytest.raises(RuntimeError, match="lock"):
        ready_bus(World()).writeto(ADDRESS, b"")


def test_an_unknown_fault_or_variant_is_refused_by_name() -> None:
    world = World()
    bus = ready_bus(world)
    world.fault = "gremlin"
    with pytest.raises(ValueError, match=r"gremlin.*nak"):
        transfer(bus, 0x07)
    with pytest.raises(ValueError, match=r"XYZ.*DCC"):
        simulated_bus(world.sense, 1, "XYZ")


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"nak", "nak_burst", "stuck"}))
def test_each_fault_shows_in_the_bytes_and_ends_with_its_cause(fault: str) -> None:
    world = World()
    bus = ready_bus(world)
    command = 0x3C if fault == "swapped" else 0x07
    before = transfer(bus, command)
    world.fault, world.object_c = fault, 30.0
    world.at_s += 5
    during = transfer(bus, command)
    assert (during == before) == (fault == "frozen")
    good_pec = crc8(bytes((ADDRESS << 1, command, ADDRESS << 1 | 1)) + during[:2]) == during[2]
    assert good_pec == (fault in ("error_flag", "frozen", "swapped"))
    world.fault = None
    world.at_s += 5
    after = transfer(bus, command)
    if command == 0x3C:
        assert after == before
    else:
        assert celsius(int.from_bytes(after[:2], "little") * 0.02) == pytest.approx(29.8, abs=1)
