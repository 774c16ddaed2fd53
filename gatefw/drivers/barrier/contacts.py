"""The gate's contacts: each edge becomes an input, enqueued from gpiozero's own thread."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from gpiozero import DigitalInputDevice

from gatefw.model import Acknowledged, FeedbackSensed, FireSensed, Input, PassageSensed, TamperSensed
from gatefw.ports import Put

Sense = Callable[[bool], Input | None]
"""What it means that a contact is closed (True) or open; None = nothing."""


class Contacts:
    """Claims the contacts that are fitted, and keeps them claimed until `claimed` is closed."""

    def __init__(
        self,
        *,
        pin_factory: Any,
        claimed: ExitStack,
        put: Put,
        passage: int,
        fire: int | None,
        tamper: int | None,
        feedback: int | None,
        acknowledge: int | None,
    ) -> None:
        """Take BCM numbers; None = not fitted. Raises what gpiozero and lgpio raise."""
        self._factory = pin_factory
        self._put = put
        self._watched: list[tuple[Any, Sense]] = []
        self._passage = self._watch(claimed, passage, lambda closed: PassageSensed(occupied=closed))
        self._watch(claimed, fire, lambda closed: FireSensed(active=not closed))
        self._watch(claimed, tamper, lambda closed: TamperSensed(open=not closed))
        self._watch(claimed, feedback, lambda closed: FeedbackSensed(energised=closed))
        self._watch(claimed, acknowledge, lambda closed: Acknowledged() if closed else None)

    def _watch(self, claimed: ExitStack, line: int | None, sense: Sense) -> Any:
        if line is None:
            return None
        device = claimed.enter_context(DigitalInputDevice(line, pull_up=True, pin_factory=self._factory))
        claimed.callback(_quiet, device)
        device.when_activated = partial(self._tell, sense, True)
        device.when_deactivated = partial(self._tell, sense, False)
        self._watched.append((device, sense))
        return device

    def _tell(self, sense: Sense, closed: bool) -> None:
        sensed = sense(closed)
        if sensed is not None:
            self._put(sensed)

    def occupied(self) -> bool:
        """Whether a body is in the passage, read from the line now."""
        return bool(self._passage.is_active)

    def report(self) -> None:
        """Enqueue each contact's state as it is now.

        A key that was left turned acknowledges nothing: only turning it does.
        """
        for device, sense in self._watched:
            told = None
            # an edge may come between reading and telling: what is told last must be how the line stands
            while (closed := bool(device.is_active)) is not told:
                told = closed
                sensed = sense(closed)
                if sensed is not None and not isinstance(sensed, Acknowledged):
                    self._put(sensed)


def _quiet(device: Any) -> None:
    # gpiozero 2.0.1 leaves lgpio's callback registered when a pin is closed
    device.pin.when_changed = None
