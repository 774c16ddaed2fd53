"""The drivers over gpiozero's real LGPIOFactory, with a stand-in for the C library under it.

lgpio drives a chip of the kernel; what is played here is that chip: claims, levels, pulls, edges and PWM.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import gpiozero.pins.local
import pytest

from gatefw.drivers.barrier import Barrier, BarrierLines, make_pin_factory
from gatefw.drivers.indicator import Indicator, IndicatorLines
from gatefw.errors import DeviceFault
from gatefw.model import FireSensed, PassageSensed, Signal
from gatefw.ports import Observation

PI_4B = 0xC03115
RELAY, HEARTBEAT, PASSAGE, FIRE = 17, 27, 5, 6
LINES = BarrierLines(relay=RELAY, heartbeat=HEARTBEAT, passage=PASSAGE, fire=FIRE)
OUTPUT_MODE, PULL_UP_MODE = 2, 32


class LgpioError(Exception):
    """As lgpio.error: derives from Exception alone."""


class Call(NamedTuple):
    """One call that reached the chip, with the level or flags that it carried."""

    name: str
    line: int
    value: float = 0


class Chip(ModuleType):
    """A GPIO chip behind the functions of lgpio that gpiozero calls."""

    SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = 32, 64, 128
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
    error = LgpioError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.calls: list[Call] = []
        self.busy: set[int] = set()
        self.levels: dict[int, int] = defaultdict(lambda: 1)
        self.outputs: set[int] = set()
        self.pulls: dict[int, int] = {}
        self.alerts: dict[int, Callable[[int, int, int, int], None]] = {}

    def of(self, line: int) -> list[Call]:
        return [call for call in self.calls if call.line == line]

    def edge(self, line: int, high: int) -> None:
        self.levels[line] = high
        self.alerts[line](0, line, high, 1_000_000)

    def gpiochip_open(self, chip: int) -> int:
        if chip in self.busy:
            raise LgpioError("can not open gpiochip")
        return 1

    def gpiochip_close(self, _handle: int) -> None:
        self.calls.append(Call("chip closed", -1))

    def gpio_claim_input(self, _handle: int, line: int, flags: int = 0) -> int:
        if line in self.busy:
            raise LgpioError("GPIO busy")
        self.outputs.discard(line)
        self.pulls[line] = flags
        self.calls.append(Call("input", line, flags))
        return 0

    def gpio_claim_output(self, _handle: int, line: int, level: int = 0, _flags: int = 0) -> int:
        self.outputs.add(line)
        self.levels[line] = level
        self.calls.append(Call("output", line, level))
        return 0

    def gpio_free(self, _handle: int, line: int) -> int:
        self.calls.append(Call("free", line))
        return 0

    def gpio_get_mode(self, _handle: int, line: int) -> int:
        pulled = PULL_UP_MODE if self.pulls.get(line) == self.SET_PULL_UP else 0
        return pulled | (OUTPUT_MODE if line in self.outputs else 0)

    def gpio_read(self, _handle: int, line: int) -> int:
        return self.levels[line]

    def gpio_write(self, _handle: int, line: int, level: int) -> int:
        self.levels[line] = int(level)
        self.calls.append(Call("write", line, int(level)))
        return 0

    def gpio_set_debounce_micros(self, _handle: int, line: int, us: int) -> int:
        self.calls.append(Call("debounce", line, us))
        return 0

    def gpio_claim_alert(self, _handle: int, line: int, _edges: int, _flags: int = 0) -> int:
        self.calls.append(Call("alert", line))
        return 0

    def callback(self, _handle: int, line: int, _edges: int, told: Callable[[int, int, int, int], None]) -> Any:
        self.alerts[line] = told
        chip = self

        class Registered:
            def cancel(self) -> None:
                chip.alerts.pop(line, None)

        return Registered()

    def tx_pwm(self, _handle: int, line: int, hz: float, duty_percent: float) -> int:
        self.calls.append(Call("pwm", line, duty_percent if hz else 0))
        return 0


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    made = Chip()
    monkeypatch.setitem(sys.modules, "lgpio", made)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr(gpiozero.pins.local, "get_pi_revision", lambda: PI_4B)
    # gpiozero keeps claimed pins for the whole process: each test gets a board of its own
    monkeypatch.setattr(gpiozero.pins.local.LocalPiFactory, "pins", {})
    monkeypatch.setattr(gpiozero.pins.local.LocalPiFactory, "_reservations", defaultdict(list))
    yield made
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)


@pytest.fixture
def factory(chip: Chip) -> Iterator[Any]:
    made = make_pin_factory("lgpio")
    yield made
    made.close()


@pytest.fixture
def inputs() -> list[Observation]:
    return []


@pytest.fixture
def barrier(factory: Any, inputs: list[Observation]) -> Iterator[Barrier]:
    with Barrier(pin_factory=factory, lines=LINES, controller="level", put=inputs.append) as made:
        yield made


@pytest.mark.parametrize("line", [RELAY, HEARTBEAT])
def test_setting_up_never_raises_an_output(chip: Chip, barrier: Barrier, line: int) -> None:
    driven = [call for call in chip.of(line) if call.name in ("output", "write")]
    assert driven[0] == Call("output", line, 0)
    assert all(call.value == 0 for call in driven)
    assert all(call.value == Chip.SET_PULL_NONE for call in chip.of(line) if call.name == "input")


def test_the_relay_is_claimed_before_any_other_line(chip: Chip, barrier: Barrier) -> None:
    assert chip.calls[0].line == RELAY


def test_release_and_withdraw_are_one_write_each(chip: Chip, barrier: Barrier) -> None:
    chip.calls.clear()
    barrier.release(5.0)
    barrier.withdraw()
    assert chip.calls == [Call("write", RELAY, 1), Call("write", RELAY, 0)]


def test_each_beat_is_one_write_of_the_other_level(chip: Chip, barrier: Barrier) -> None:
    chip.calls.clear()
    for _ in range(3):
        barrier.beat()
    assert chip.calls == [Call("write", HEARTBEAT, level) for level in (1, 0, 1)]


def test_contacts_are_pulled_up_without_the_kernels_debounce(chip: Chip, barrier: Barrier) -> None:
    assert chip.pulls[PASSAGE] == Chip.SET_PULL_UP
    assert all(call.value == 0 for call in chip.calls if call.name == "debounce")


def test_edges_of_the_kernel_become_inputs(chip: Chip, barrier: Barrier, inputs: list[Observation]) -> None:
    chip.edge(PASSAGE, 0)
    chip.edge(PASSAGE, 1)
    assert inputs == [PassageSensed(occupied=True), PassageSensed(occupied=False)]


def test_an_open_fire_loop_at_the_start_is_fire(chip: Chip, barrier: Barrier, inputs: list[Observation]) -> None:
    barrier.initial()
    assert FireSensed(active=True) in inputs


def test_closing_writes_low_before_the_line_floats(chip: Chip, barrier: Barrier) -> None:
    barrier.release(5.0)
    chip.calls.clear()
    barrier.close()
    assert chip.of(RELAY) == [Call("write", RELAY, 0), Call("input", RELAY, Chip.SET_PULL_NONE)]
    assert PASSAGE not in chip.alerts


def test_a_line_held_by_another_program_is_a_fault_that_names_the_remedy(
    chip: Chip, factory: Any, inputs: list[Observation]
) -> None:
    chip.busy.add(HEARTBEAT)
    with pytest.raises(DeviceFault, match=r"GPIO busy.*gpioinfo") as caught:
        Barrier(pin_factory=factory, lines=LINES, controller="level", put=inputs.append)
    assert caught.value.code == "gpio"
    assert chip.of(RELAY)[-1].name == "input"


def test_lamps_are_dark_from_the_claim_on_and_dim_by_duty(chip: Chip, factory: Any) -> None:
    lines = IndicatorLines(red=23, ring=24, hand=25, side=12, green=16, buzzer=18)
    with Indicator(pin_factory=factory, lines=lines, kind="masked") as indicator:
        assert all(c.value == 0 for c in chip.calls if c.name in ("output", "write", "pwm"))
        chip.calls.clear()
        for tick in range(21):
            indicator.refresh(tick / 20) if tick else indicator.show(Signal.READY, 0.0)
        duties = [c.value for c in chip.of(24) if c.name == "pwm"]
        assert duties[0] == 100
        assert duties[-1] == 10
        assert duties == sorted(duties, reverse=True)
    assert chip.of(24)[-1] == Call("input", 24, Chip.SET_PULL_NONE)


def test_lamps_and_buzzer_that_stay_as_they_are_keep_the_lines_quiet(chip: Chip, factory: Any) -> None:
    lines = IndicatorLines(red=23, ring=24, hand=25, side=12, green=16, buzzer=18)
    with Indicator(pin_factory=factory, lines=lines, kind="masked") as indicator:
        indicator.show(Signal.PASS, 0.0)
        indicator.refresh(1.0)
        chip.calls.clear()
        for tick in range(100):
            indicator.refresh(1.0 + tick / 20)
        assert chip.calls == []
        indicator.show(Signal.HELP_COMING, 10.0)
        chip.calls.clear()
        indicator.refresh(10.01)
        assert chip.of(18) == []


def test_a_pi_without_the_library_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(DeviceFault, match="apt install python3-lgpio"):
        make_pin_factory("lgpio")


def test_an_empty_placeholder_of_the_library_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", ModuleType("lgpio"))
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(DeviceFault, match="apt install python3-lgpio"):
        make_pin_factory("lgpio")


def test_a_chip_that_cannot_be_opened_is_a_fault(chip: Chip) -> None:
    chip.busy.add(0)
    with pytest.raises(DeviceFault, match="group gpio") as caught:
        make_pin_factory("lgpio")
    assert caught.value.code == "pin_factory"


def test_a_machine_that_is_no_pi_is_a_fault(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> int:
        raise gpiozero.PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr(gpiozero.pins.local, "get_pi_revision", unknown)
    with pytest.raises(DeviceFault, match="Raspberry Pi"):
        make_pin_factory("lgpio")
