"""The MLX90614 infrared thermometer: Adafruit's class, with every word checked.

Rules: (1) a word whose PEC, error bit or range is wrong never becomes a number; it raises DeviceFault with the
fault's name; (2) what isn't acknowledged is asked again after 10, 50 and 200 ms; (3) the part must be the one
that was commissioned; (4) nothing is ever written to it. All facts of the part are from data sheet rev 13.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adafruit_mlx90614 import MLX90614

from gatefw.errors import DeviceFault
from gatefw.model import Reading

ADDRESS: Final = 0x5A
RETRY_S: Final = (0.010, 0.050, 0.200)

AMBIENT: Final = 0x06
OBJECT: Final = 0x07
EMISSIVITY: Final = 0x24
CONFIG: Final = 0x25
IDS: Final = (0x3C, 0x3D, 0x3E, 0x3F)
FLAGS: Final = 0xF0

FLAG_BUSY: Final = 0x80
FLAG_EEPROM_DEAD: Final = 0x20
FLAG_INIT_DONE: Final = 0x10
ERROR_BIT: Final = 0x8000

RANGES: Final[Mapping[int, tuple[int, int]]] = {AMBIENT: (0x2D8A, 0x4DC4), OBJECT: (0x27AD, 0x7FFF)}
"""Words the part can mean: TA −40…125 °C, TOBJ1 −70.01…382.19 °C."""

NOT_ACKNOWLEDGED: Final = frozenset({errno.EREMOTEIO, errno.ENXIO, errno.EIO})
BUS_HELD: Final = frozenset({errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY})


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Which part is fitted and how the factory set it: four ID words, emissivity (0x24) and config (0x25)."""

    ids: tuple[int, int, int, int]
    emissivity: int
    config: int


def pec(data: bytes) -> int:
    """SMBus packet error code: CRC-8, x⁸+x²+x+1, start 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


class CheckedMLX90614(MLX90614):  # type: ignore[misc]  # the library has no types
    """Adafruit's class with its one way to the part checked; `word` is the last temperature word read."""

    def __init__(self, bus: Any, *, address: int, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self.word = 0
        try:
            super().__init__(bus, address)
        except ValueError as error:
            raise DeviceFault(
                "sensor_missing",
                f"no thermometer answers at I2C address {address:#04x}: check its wiring and power",
            ) from error

    def read_word(self, command: int) -> int:
        """Read one word of any command. Raises DeviceFault i2c_nak, bus_stuck, i2c_error or pec_error."""
        for pause_s in RETRY_S:
            try:
                return self._read_once(command)
            except DeviceFault as fault:
                if fault.code != "i2c_nak":
                    raise
            self._pause(pause_s)
        return self._read_once(command)

    def _read_16(self, register: int) -> int:
        """Read a temperature word for the library. Raises DeviceFault sensor_error or sensor_range besides."""
        word = self.read_word(register)
        if word & ERROR_BIT or word == 0:
            raise DeviceFault("sensor_error", f"the thermometer flags an error (word {word:#06x})")
        low, high = RANGES[register]
        if not low <= word <= high:
            raise DeviceFault("sensor_range", f"the thermometer says what it can't measure (word {word:#06x})")
        self.word = word
        return word

    def _read_once(self, command: int) -> int:
        answer = bytearray(3)
        try:
            with self._device as device:
                device.write_then_readinto(bytes((command,)), answer)
        except OSError as error:
            raise bus_fault(error) from error
        if bytes(answer) in (b"\x00\x00\x00", b"\xff\xff\xff"):
            raise DeviceFault("sensor_error", "the I2C bus reads all the same: check SDA, SCL and power")
        address = self._device.device_address
        if pec(bytes((address << 1, command, address << 1 | 1)) + answer[:2]) != answer[2]:
            raise DeviceFault("pec_error", "a word from the thermometer was damaged: check cable and pull-ups")
        return int.from_bytes(answer[:2], "little")


def bus_fault(error: OSError) -> DeviceFault:
    """Name what the kernel says of a transfer."""
    if error.errno in NOT_ACKNOWLEDGED:
        return DeviceFault("i2c_nak", f"the thermometer doesn't answer ({error.strerror}): check its wiring")
    if error.errno in BUS_HELD:
        return DeviceFault("bus_stuck", f"the I2C bus is held down ({error.strerror}): power the gate off and on")
    return DeviceFault("i2c_error", f"the I2C bus fails ({error}): check its wiring")


class Thermometer:
    """One part that was found, is ready and is the right one. A context manager; closes twice safely."""

    def __init__(
        self,
        bus: Any,
        *,
        pause: Callable[[float], None],
        address: int = ADDRESS,
        commissioned: Identity | None = None,
    ) -> None:
        """Take a bus with busio.I2C's interface. Raises DeviceFault when no part is there, ready and known."""
        self._bus = bus
        self._expected = commissioned
        try:
            self._part = CheckedMLX90614(bus, address=address, pause=pause)
            self.identity = self._expected = self.check()
        except BaseException:
            self.close()
            raise

    def read(self, at_s: float) -> Reading:
        """Read ambient and object temperature, stamped `at_s` (monotonic). Raises DeviceFault."""
        ambient_c = float(self._part.ambient_temperature)
        ambient_raw = self._part.word
        object_c = float(self._part.object_temperature)
        return Reading(
            object_c=object_c,
            ambient_c=ambient_c,
            object_raw=self._part.word,
            ambient_raw=ambient_raw,
            at_s=at_s,
        )

    def check(self) -> Identity:
        """Read flags and identity: as commissioned, else as first found. Raises DeviceFault sensor_starting,
        sensor_error or sensor_mismatch.
        """
        self._check_flags()
        word = self._part.read_word
        first, second, third, fourth = (word(command) for command in IDS)
        identity = Identity(ids=(first, second, third, fourth), emissivity=word(EMISSIVITY), config=word(CONFIG))
        if self._expected not in (None, identity):
            raise DeviceFault(
                "sensor_mismatch", "the thermometer isn't the one that was commissioned: commission it anew"
            )
        return identity

    def close(self) -> None:
        """Give the bus back."""
        self._bus.deinit()

    def __enter__(self) -> "Thermometer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_flags(self) -> None:
        flags = self._part.read_word(FLAGS)
        if flags & FLAG_EEPROM_DEAD:
            raise DeviceFault("sensor_error", "the thermometer's calibration memory is damaged: replace it")
        if flags & FLAG_BUSY or not flags & FLAG_INIT_DONE:
            raise DeviceFault("sensor_starting", "the thermometer isn't ready yet (0.25 s after power-on)")


def open_bus(number: int) -> Any:
    """Open /dev/i2c-`number` by Adafruit's extended bus. Raises DeviceFault i2c_missing with the remedy."""
    try:
        from adafruit_extended_bus import ExtendedI2C  # noqa: PLC0415 - it looks for a board when imported

        return ExtendedI2C(number, frequency=None)  # the kernel sets it: 100 kHz unless told otherwise
    except PermissionError as error:
        raise DeviceFault(
            "i2c_missing", f"/dev/i2c-{number} may not be opened: add the gate's user to the group i2c"
        ) from error
    except (ImportError, NotImplementedError, RuntimeError, ValueError, AttributeError, OSError) as error:
        raise DeviceFault(
            "i2c_missing",
            f"/dev/i2c-{number} can't be used ({error}): switch I2C on (raspi-config nonint do_i2c 0) "
            "or correct [thermometer] bus",
        ) from error
