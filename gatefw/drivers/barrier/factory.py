"""The named pin factory: gpiozero's own choice is never asked."""

from typing import Any

from gatefw.errors import DeviceFault


def make_pin_factory(name: str) -> Any:
    """Make gpiozero's factory of this name; only `lgpio` is known.

    gpiozero by itself falls back to whatever else it finds, without a word: a gate must not. Raises
    DeviceFault `pin_factory` with the remedy when the name, the library or the chip is not there.
    """
    if name != "lgpio":
        raise DeviceFault("pin_factory", f'pin factory "{name}" is not known: set pin_factory = "lgpio"')
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - lgpio is there on a Pi only

        return LGPIOFactory()
    except (ImportError, AttributeError) as error:  # a placeholder of that name on PyPI has no functions
        raise DeviceFault(
            "pin_factory",
            f"the lgpio library can't be used ({error}): install it with apt install python3-lgpio",
        ) from error
    except Exception as error:  # lgpio.error derives from Exception alone
        raise DeviceFault(
            "pin_factory",
            f"no GPIO chip can be opened ({error}): run on a Raspberry Pi, as a member of the group gpio",
        ) from error
