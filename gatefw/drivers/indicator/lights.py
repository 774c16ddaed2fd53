"""The lamps and the buzzer on their lines, through gpiozero on the pin factory that it is given."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Final, Literal, Self

from gpiozero import OutputDevice, PWMOutputDevice

from gatefw.drivers.indicator.patterns import tone_hz
from gatefw.drivers.indicator.signs import SIGNS, Kind, Lamps, lamps
from gatefw.errors import DeviceFault
from gatefw.model import Signal

Buzzer = Literal["active", "passive"]
"""`active` buzzers have their own tone and know on and off; `passive` ones (piezo) sound at the pitch they are fed."""

LAMP_PWM_HZ: Final = 100
"""Fast enough not to flicker; lgpio's software PWM reaches 10 kHz."""

LEVEL_STEPS: Final = 20
"""Brightness is set in steps of 5 %: finer ones would be seen by nobody and keep the line busy."""

PASSIVE_DUTY: Final = 0.5
"""A piezo is loudest at half duty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndicatorLines:
    """BCM numbers of the lamps and the buzzer; None = not fitted. With plain lamps `ring` is the amber one."""

    red: int
    ring: int
    green: int
    hand: int | None = None
    side: int | None = None
    exit: int | None = None
    buzzer: int | None = None


class Indicator:
    """Fits `ports.Indicator`. Has no thread: what isn't refreshed stands still, as a hung gate should look.

    Claims every line at once or none; may be closed twice; knows no rule.
    """

    def __init__(
        self,
        *,
        pin_factory: Any,
        lines: IndicatorLines,
        kind: Kind,
        buzzer: Buzzer = "active",
        volume: float = 1.0,
    ) -> None:
        """Claim the lines, all dark. `volume` from 0 (silent) to 1; an active buzzer is either on or silent.

        Raises DeviceFault `gpio` when a line is taken, not there, or missing for this kind of lamps.
        """
        if not 0 <= volume <= 1:
            raise ValueError(f"volume is {volume}: it must lie within 0 and 1")
        self._kind: Kind = kind
        self._buzzer_kind = buzzer
        self._volume = volume
        self._signal: Signal | None = None
        self._since_s = 0.0
        self._steps: dict[str, int] = {}
        self._tone: float | None = None
        if kind == "masked" and None in (lines.hand, lines.side):
            raise DeviceFault("gpio", 'masked lamps need hand and side: wire both, or set kind = "plain"')
        try:
            with ExitStack() as claimed:
                self._claim(pin_factory, lines, claimed)
                self._claimed = claimed.pop_all()
        except Exception as error:  # lgpio.error derives from Exception alone
            raise DeviceFault(
                "gpio",
                f"the lamps' lines can't be claimed ({error}): compare their numbers in gate.toml with the wiring",
            ) from error

    def _claim(self, factory: Any, lines: IndicatorLines, claimed: ExitStack) -> None:
        unused = ("hand", "side") if self._kind == "plain" else ()
        names = [f.name for f in fields(Lamps) if f.name not in unused]
        self._lamps: dict[str, Any] = {
            name: claimed.enter_context(PWMOutputDevice(line, frequency=LAMP_PWM_HZ, pin_factory=factory))
            for name in names
            if (line := getattr(lines, name)) is not None
        }
        self._buzzer: Any = None
        if lines.buzzer is not None:
            make: Callable[..., Any] = OutputDevice if self._buzzer_kind == "active" else PWMOutputDevice
            self._buzzer = claimed.enter_context(make(lines.buzzer, pin_factory=factory))

    def show(self, signal: Signal, at_s: float) -> None:
        """Begin this signal's lamps and sound at monotonic `at_s`, from their start even if it is shown already."""
        self._signal = signal
        self._since_s = at_s
        self.refresh(at_s)

    def refresh(self, at_s: float) -> None:
        """Set lamps and buzzer to what the signal wants at monotonic `at_s`; lines that need no change get none."""
        if self._signal is None:
            return
        t_s = at_s - self._since_s
        wanted = lamps(self._signal, t_s, self._kind)
        for name, lamp in self._lamps.items():
            self._light(name, lamp, getattr(wanted, name))
        self._sound(self._signal, t_s)

    def _light(self, name: str, lamp: Any, brightness: float) -> None:
        step = round(brightness * LEVEL_STEPS)
        if step != self._steps.get(name, 0):
            self._steps[name] = step
            lamp.value = step / LEVEL_STEPS

    def _sound(self, signal: Signal, t_s: float) -> None:
        sound = SIGNS[signal].sound
        hz = tone_hz(sound, t_s) if self._volume > 0 else None
        if self._buzzer is None or hz == self._tone:
            return
        self._tone = hz
        if self._buzzer_kind == "active":
            self._buzzer.value = hz is not None
            return
        if hz is not None:
            self._buzzer.frequency = hz
        self._buzzer.value = 0.0 if hz is None else PASSIVE_DUTY * self._volume * sound.loudness

    def close(self) -> None:
        """Go dark and silent, then give the lines back; the second call does nothing."""
        self._signal = None
        for device in (*self._lamps.values(), self._buzzer):
            if device is not None and not device.closed:
                device.value = 0
        self._claimed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
