"""The pin factory of the yard: what gpiozero does arrives there, what the yard drives arrives at gpiozero."""

from collections.abc import Iterator

import pytest
from gpiozero import DigitalInputDevice, OutputDevice, PWMOutputDevice

from gatefw.simulation.pins import YardFactory


class Tape:
    """A yard that only writes down what it is told."""

    def __init__(self) -> None:
        self.written: list[tuple[int, float]] = []

    def write(self, pin: int, level: float) -> None:
        self.written.append((pin, level))


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def factory(tape: Tape) -> Iterator[YardFactory]:
    made = YardFactory(tape)
    yield made
    made.close()


def test_an_output_is_low_as_soon_as_it_is_claimed(tape: Tape, factory: YardFactory) -> None:
    with OutputDevice(17, pin_factory=factory):
        assert tape.written == [(17, 0.0)]


def test_an_output_is_low_at_its_claim_even_if_the_line_was_pulled_up(tape: Tape, factory: YardFactory) -> None:
    DigitalInputDevice(17, pull_up=True, pin_factory=factory).close()
    with OutputDevice(17, pin_factory=factory):
        assert tape.written == [(17, 0.0)]


def test_changes_of_several_outputs_arrive_in_the_order_in_which_they_were_made(
    tape: Tape, factory: YardFactory
) -> None:
    relay, heartbeat = OutputDevice(17, pin_factory=factory), OutputDevice(27, pin_factory=factory)
    tape.written.clear()
    relay.on()
    heartbeat.toggle()
    heartbeat.toggle()
    relay.off()
    assert tape.written == [(17, 1.0), (27, 1.0), (27, 0.0), (17, 0.0)]


def test_setting_an_output_to_what_it_is_says_nothing(tape: Tape, factory: YardFactory) -> None:
    relay = OutputDevice(17, pin_factory=factory)
    relay.on()
    tape.written.clear()
    relay.on()
    assert tape.written == []


def test_a_dimmed_lamp_sends_its_duty_cycle(tape: Tape, factory: YardFactory) -> None:
    lamp = PWMOutputDevice(24, pin_factory=factory)
    tape.written.clear()
    for value in (0.25, 0.5, 1.0, 0.0):
        lamp.value = value
    assert tape.written == [(24, 0.25), (24, 0.5), (24, 1.0), (24, 0.0)]


def test_a_closed_output_lets_its_line_fall(tape: Tape, factory: YardFactory) -> None:
    relay = OutputDevice(17, pin_factory=factory)
    relay.on()
    relay.close()
    assert tape.written[-1] == (17, 0.0)


def test_an_output_turned_into_an_input_lets_its_line_fall(tape: Tape, factory: YardFactory) -> None:
    with OutputDevice(17, pin_factory=factory) as relay:
        relay.on()
        relay.pin.function = "input"
        assert tape.written[-1] == (17, 0.0)


def test_closing_the_factory_lets_every_line_fall(tape: Tape) -> None:
    made = YardFactory(tape)
    relay, lamp = OutputDevice(17, pin_factory=made), PWMOutputDevice(24, pin_factory=made)
    relay.on()
    lamp.value = 0.5
    assert dict(tape.written) == {17: 1.0, 24: 0.5}
    made.close()
    assert dict(tape.written) == {17: 0.0, 24: 0.0}


def test_an_input_that_nobody_drives_follows_its_pull(factory: YardFactory) -> None:
    assert DigitalInputDevice(5, pull_up=True, pin_factory=factory).pin.state == 1
    assert DigitalInputDevice(6, pull_up=False, pin_factory=factory).pin.state == 0


def test_a_line_driven_before_its_claim_reads_what_it_is_driven_with(factory: YardFactory) -> None:
    factory.drive(6, high=False)
    assert DigitalInputDevice(6, pull_up=True, pin_factory=factory).is_active


def test_edges_from_the_yard_call_gpiozeros_callbacks_once_each(factory: YardFactory) -> None:
    told: list[str] = []
    contact = DigitalInputDevice(5, pull_up=True, pin_factory=factory)
    contact.when_activated = lambda: told.append("closed")
    contact.when_deactivated = lambda: told.append("open")
    for high in (False, False, True, True, False):
        factory.drive(5, high=high)
    assert told == ["closed", "open", "closed"]


def test_an_input_never_writes_to_the_yard(tape: Tape, factory: YardFactory) -> None:
    contact = DigitalInputDevice(5, pull_up=True, pin_factory=factory)
    factory.drive(5, high=False)
    contact.close()
    assert tape.written == []


def test_driving_an_output_from_outside_changes_nothing(tape: Tape, factory: YardFactory) -> None:
    relay = OutputDevice(17, pin_factory=factory)
    factory.drive(17, high=True)
    assert not relay.is_active
    assert tape.written == [(17, 0.0)]


def test_a_long_life_of_heartbeats_keeps_no_history(factory: YardFactory) -> None:
    heartbeat = OutputDevice(27, pin_factory=factory)
    for _ in range(1000):
        heartbeat.toggle()
    assert len(heartbeat.pin.states) == 1
