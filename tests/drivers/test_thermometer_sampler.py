"""The sampler drops single bad samples, reports a run of them once, and notices a read that hangs."""

from threading import Event

import pytest

from gatefw.drivers.thermometer import Identity, Sampler, Thermometer
from gatefw.drivers.thermometer.sampler import BAD_RUN, Quality
from gatefw.errors import DeviceFault
from gatefw.model import Device, DeviceFailed, DeviceReady, Reading, TemperatureRead
from gatefw.ports import Observation
from gatefw.simulation.mlx90614 import Senses, simulated_bus

PERIOD_S = 0.14


class Bench:
    """A sampler on a simulated part; `run` lets virtual time go by."""

    def __init__(self, *, commissioned: Identity | None = None) -> None:
        self.fault: str | None = None
        self.at_s = 0.0
        self.put: list[Observation] = []
        self.opened = 0
        self.commissioned = commissioned
        self.bus = simulated_bus(self.sense, 7)
        self.sampler = Sampler(
            open_thermometer=self.open, put=self.put.append, period_s=PERIOD_S, monotonic=lambda: self.at_s
        )

    def sense(self) -> Senses:
        return Senses(object_c=35.0, ambient_c=22.0, fault=self.fault, at_s=self.at_s)

    def open(self) -> Thermometer:
        self.opened += 1
        return Thermometer(self.bus, pause=lambda _: None, commissioned=self.commissioned)

    def run(self, count: int, fault: str | None = None) -> list[Observation]:
        self.fault = fault
        before = len(self.put)
        for _ in range(count):
            self.sampler.poll()
            self.at_s += PERIOD_S
        return self.put[before:]


def told(observations: list[Observation]) -> list[str]:
    """Changes in order, samples left out."""
    names = []
    for observation in observations:
        match observation:
            case DeviceFailed(device=Device.THERMOMETER, fault=fault):
                names.append(fault)
            case DeviceReady(device=Device.THERMOMETER):
                names.append("ready")
            case _:
                assert isinstance(observation, TemperatureRead)
    return names


def working() -> Bench:
    bench = Bench()
    assert told(bench.run(10)) == ["ready"]
    return bench


def test_the_start_of_the_part_is_waited_for_and_then_told_first() -> None:
    observations = Bench().run(5)
    assert isinstance(observations[0], DeviceReady)
    assert all(isinstance(later, TemperatureRead) for later in observations[1:])
    assert len(observations) > 2


def test_one_sample_without_acknowledge_is_dropped_and_the_second_is_a_fault() -> None:
    bench = working()
    assert bench.run(1, "nak") == []
    assert bench.run(1, "nak") == [DeviceFailed(device=Device.THERMOMETER, fault="i2c_nak")]


@pytest.mark.parametrize("fault", ["pec", "error_flag", "ones", "zeros", "stuck"])
def test_two_bad_samples_are_dropped_and_counted(fault: str) -> None:
    bench = working()
    bench.sampler.dropped.clear()
    assert bench.run(2, fault) == []
    assert bench.sampler.dropped.total() == 2
    assert told(bench.run(3)) == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("pec", "pec_error"),
        ("error_flag", "sensor_error"),
        ("nak", "i2c_nak"),
        ("ones", "sensor_error"),
        ("zeros", "sensor_error"),
        ("stuck", "bus_stuck"),
    ],
)
def test_three_bad_samples_are_told_once_and_the_next_good_one_ends_it(fault: str, code: str) -> None:
    bench = working()
    failing = bench.run(50, fault)
    assert failing == [DeviceFailed(device=Device.THERMOMETER, fault=code)]
    mended = bench.run(3)
    assert [type(observation) for observation in mended] == [DeviceReady, *[TemperatureRead] * 3]


def test_a_part_that_failed_is_opened_anew() -> None:
    bench = working()
    opened = bench.opened
    bench.run(10, "nak")
    bench.run(2)
    assert bench.opened > opened


def test_a_fifth_of_bad_samples_is_a_fault_and_needs_a_trial() -> None:
    bench = working()
    seen = []
    for _ in range(40):
        seen += told(bench.run(2))
        seen += told(bench.run(1, "pec"))
    assert seen == ["pec_error"]
    assert bench.run(30) == []
    assert told(bench.run(60)) == ["ready"]


def test_one_bad_sample_in_six_is_borne() -> None:
    bench = working()
    seen = []
    for _ in range(100):
        seen += told(bench.run(5)) + told(bench.run(1, "pec"))
    assert seen == []


def test_a_swapped_part_is_found_within_the_hour_and_stays_refused() -> None:
    first = working()
    assert first.sampler._thermometer is not None
    bench = Bench(commissioned=first.sampler._thermometer.identity)
    bench.run(10)
    bench.run(3, "swapped")
    bench.at_s += 3600.0
    assert told(bench.run(100, "swapped")) == ["sensor_mismatch"]


def test_a_missing_part_is_told_once() -> None:
    assert told(Bench().run(50, "nak")) == ["sensor_missing"]


class Hanging(Thermometer):
    """A part whose read blocks until it is let go."""

    def __init__(self) -> None:
        self.reading, self.let_go = Event(), Event()
        self.closed = False

    def read(self, at_s: float) -> Reading:
        self.reading.set()
        assert self.let_go.wait(10)
        raise DeviceFault("bus_stuck", "let go")

    def close(self) -> None:
        self.closed = True


def test_a_read_that_hangs_is_told_once_by_the_loop() -> None:
    part, put, now_s = Hanging(), list[Observation](), 100.0
    sampler = Sampler(open_thermometer=lambda: part, put=put.append, period_s=0.1, monotonic=lambda: now_s)
    sampler.check(now_s + 1000)
    assert put == []
    sampler.start()
    assert part.reading.wait(10)
    sampler.check(now_s + 2.05)
    assert put == []
    sampler.check(now_s + 2.2)
    sampler.check(now_s + 3.0)
    assert put == [DeviceFailed(device=Device.THERMOMETER, fault="sensor_stalled")]
    part.let_go.set()
    sampler.close()
    sampler.close()
    assert part.closed


def test_the_thread_samples_until_it_is_closed() -> None:
    bench, seen = Bench(), Event()
    bench.at_s = 0.0

    def clock() -> float:
        bench.at_s += 0.1
        return bench.at_s

    def put(observation: Observation) -> None:
        bench.put.append(observation)
        if isinstance(observation, TemperatureRead):
            seen.set()

    sampler = Sampler(open_thermometer=bench.open, put=put, period_s=0.005, monotonic=clock)
    sampler.start()
    assert seen.wait(10)
    sampler.close()
    assert isinstance(bench.put[0], DeviceReady)


def test_quality_counts_from_the_first_sample() -> None:
    quality = Quality(period_s=PERIOD_S)
    assert quality.works is None
    assert [quality.take(good=good) for good in (False, False, False, False, True)] == [
        False, False, True, False, True,
    ]  # fmt: skip
    assert quality.works is True


def test_an_error_that_nobody_foresaw_is_a_fault_and_the_part_is_opened_anew() -> None:
    told: list[object] = []

    def broken() -> Thermometer:
        raise RuntimeError("a library's own error")

    sampler = Sampler(open_thermometer=broken, put=told.append, period_s=0.5, monotonic=lambda: 0.0)
    for _ in range(BAD_RUN):
        sampler.poll()
    assert told == [DeviceFailed(device=Device.THERMOMETER, fault="sensor_error")]
    sampler.close()
