"""The lamps and the buzzer on lines of the yard's pin factory."""

from collections.abc import Iterator

import pytest
from gpiozero import OutputDevice

from gatefw.drivers.indicator import Indicator, IndicatorLines, lamps
from gatefw.errors import DeviceFault
from gatefw.model import Signal
from gatefw.simulation.pins import YardFactory

RED, RING, HAND, SIDE, GREEN, EXIT, BUZZER = 23, 24, 25, 12, 16, 20, 18
LINES = IndicatorLines(red=RED, ring=RING, hand=HAND, side=SIDE, green=GREEN, exit=EXIT, buzzer=BUZZER)


class Tape:
    """A yard that remembers each line's level and how it came about."""

    def __init__(self) -> None:
        self.levels: dict[int, float] = {}
        self.written: list[tuple[int, float]] = []

    def write(self, pin: int, level: float) -> None:
        self.levels[pin] = level
        self.written.append((pin, level))

    def of(self, pin: int) -> list[float]:
        return [level for written, level in self.written if written == pin]

    def lit(self) -> set[int]:
        return {pin for pin, level in self.levels.items() if level > 0}


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def factory(tape: Tape) -> Iterator[YardFactory]:
    made = YardFactory(tape)
    yield made
    made.close()


@pytest.fixture
def masked(factory: YardFactory) -> Iterator[Indicator]:
    with Indicator(pin_factory=factory, lines=LINES, kind="masked") as made:
        yield made


def test_an_indicator_that_was_told_nothing_is_dark(tape: Tape, masked: Indicator) -> None:
    masked.refresh(5.0)
    assert tape.lit() == set()


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("kind", ["masked", "plain"])
def test_the_lines_carry_what_the_table_says(tape: Tape, factory: YardFactory, signal: Signal, kind: str) -> None:
    numbers = {"red": RED, "ring": RING, "hand": HAND, "side": SIDE, "green": GREEN, "exit": EXIT}
    with Indicator(pin_factory=factory, lines=LINES, kind="masked" if kind == "masked" else "plain") as indicator:
        indicator.show(signal, 100.0)
        for tick in range(100):
            indicator.refresh(100.0 + tick / 20)
            wanted = lamps(signal, tick / 20, "masked" if kind == "masked" else "plain")
            for name, pin in numbers.items():
                assert tape.levels.get(pin, 0.0) == pytest.approx(getattr(wanted, name), abs=0.026)


def test_breathing_takes_many_levels_and_is_never_dark(tape: Tape, masked: Indicator) -> None:
    masked.show(Signal.READY, 0.0)
    tape.written.clear()
    for tick in range(1, 200):
        masked.refresh(tick / 20)
    assert len(set(tape.of(RING))) >= 10
    assert min(tape.of(RING)) > 0


def test_the_next_signal_puts_the_last_ones_lamps_out(tape: Tape, masked: Indicator) -> None:
    masked.show(Signal.DESK, 0.0)
    assert tape.lit() & {RED, RING, HAND, SIDE, GREEN} == {SIDE}
    masked.show(Signal.PASS, 1.0)
    assert tape.lit() & {RED, RING, HAND, SIDE, GREEN} == {GREEN}


def test_showing_a_signal_again_begins_it_again(tape: Tape, masked: Indicator) -> None:
    masked.show(Signal.READING, 10.0)
    masked.refresh(10.6)
    assert RING not in tape.lit()
    masked.show(Signal.READING, 10.7)
    assert RING in tape.lit()


def test_an_active_buzzer_sounds_the_rhythm(tape: Tape, masked: Indicator) -> None:
    masked.show(Signal.RETRY, 0.0)
    for tick in range(1, 100):
        masked.refresh(tick / 50)
    assert tape.of(BUZZER) == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_a_passive_buzzer_sounds_the_pitch_at_the_venues_volume(tape: Tape, factory: YardFactory) -> None:
    with Indicator(pin_factory=factory, lines=LINES, kind="masked", buzzer="passive", volume=0.5) as indicator:
        line = factory.pin(BUZZER)
        pitches: list[float] = []
        indicator.show(Signal.PASS, 0.0)
        for tick in range(1, 50):
            if line.state and line.frequency not in pitches:
                pitches.append(line.frequency)
            indicator.refresh(tick / 50)
        assert pitches == sorted(pitches)
        assert len(pitches) == 2
        assert max(tape.of(BUZZER)) == 0.25
        assert line.state == 0


def test_at_volume_nought_no_buzzer_sounds(tape: Tape, factory: YardFactory) -> None:
    with Indicator(pin_factory=factory, lines=LINES, kind="masked", volume=0.0) as indicator:
        indicator.show(Signal.ALARM, 0.0)
        assert tape.levels[BUZZER] == 0.0


def test_the_siren_ends_after_a_minute_while_the_lamps_go_on(tape: Tape, masked: Indicator) -> None:
    masked.show(Signal.ALARM, 0.0)
    assert tape.levels[BUZZER] == 1.0
    masked.refresh(60.0)
    assert tape.levels[BUZZER] == 0.0
    assert RED in tape.lit()


def test_closing_goes_dark_and_silent_and_may_be_done_twice(
    tape: Tape, factory: YardFactory, masked: Indicator
) -> None:
    masked.show(Signal.ALARM, 0.0)
    assert tape.lit() == {RED, BUZZER}
    masked.close()
    masked.close()
    assert tape.lit() == set()
    with OutputDevice(RED, pin_factory=factory) as free_again:
        assert not free_again.is_active


def test_plain_lamps_leave_the_lines_of_hand_and_side_alone(tape: Tape, factory: YardFactory) -> None:
    with Indicator(pin_factory=factory, lines=LINES, kind="plain"), OutputDevice(HAND, pin_factory=factory) as other:
        assert not other.is_active


def test_masked_lamps_without_a_window_are_a_fault(factory: YardFactory) -> None:
    with pytest.raises(DeviceFault, match="plain"):
        Indicator(pin_factory=factory, lines=IndicatorLines(red=RED, ring=RING, green=GREEN), kind="masked")


def test_a_lamps_line_that_is_taken_is_a_fault_and_leaves_no_line_claimed(factory: YardFactory) -> None:
    with OutputDevice(BUZZER, pin_factory=factory):
        with pytest.raises(DeviceFault, match=r"GPIO18.*gate\.toml"):
            Indicator(pin_factory=factory, lines=LINES, kind="masked")
        OutputDevice(RED, pin_factory=factory).close()


@pytest.mark.parametrize("volume", [-0.1, 1.1, float("nan")])
def test_a_volume_that_is_none_is_refused(factory: YardFactory, volume: float) -> None:
    with pytest.raises(ValueError, match="volume"):
        Indicator(pin_factory=factory, lines=LINES, kind="masked", volume=volume)
