"""A simulated MLX90614 at register level, on a bus with busio.I2C's interface: it goes under the real library.

Facts: data sheet rev 13. Words are 0.02 K; a word read answers LSB, MSB, PEC (CRC-8 x⁸+x²+x+1 over address,
command, address, data). Not modelled: raw IR words (read 0), the second zone (TOBJ2 reads 0), EEPROM writes
(refused: no gate may change the factory's calibration) and PWM.

Faults are named by `Senses.fault` and last as long as it says: see FAULTS.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from typing import Final

from gatefw.units import kelvin

ADDRESS: Final = 0x5A
FIRST_DATA_S: Final = 0.25
"""From power-on or wake to the first valid data."""

SKIN_EMISSIVITY: Final = 0.98
"""What the sensor looks at; it computes with the factory's ε = 1 and so reads skin too low."""

AMBIENT_NOISE_C: Final = 0.03
SLEEP: Final = bytes((0xFF, 0xE8))
FLAGS, AMBIENT, OBJECT = 0xF0, 0x06, 0x07

VARIANTS: Final[Mapping[str, tuple[float, float]]] = {
    "AAA": (0.10, 0.05), "BAA": (0.10, 0.05), "DAA": (0.10, 0.05),
    "ACC": (0.14, 0.18), "BCC": (0.14, 0.18), "DCC": (0.14, 0.18),
    "BCH": (0.65, 0.10), "BCI": (0.65, 0.10), "DCH": (0.65, 0.10), "DCI": (0.65, 0.10),
}  # fmt: skip
"""By the part's last letters: settling time in seconds and noise in °C rms."""

FAULTS: Final[Mapping[str, str]] = {
    "nak": "no answer to anything",
    "nak_burst": "two of every four transfers are not answered",
    "pec": "one bit of each answer is flipped, another each time",
    "error_flag": "temperatures carry bit 15",
    "ones": "the bus reads all ones, as when the sensor is gone and nothing pulls down",
    "zeros": "the bus reads all zeros, as when a line is held down",
    "frozen": "the last good temperature words are repeated for ever",
    "stuck": "SCL is held down: the kernel gives up",
    "swapped": "another part of the same kind is fitted",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Senses:
    """The truth at the sensor: temperature in its view and of its housing (°C), and what it suffers.

    `at_s` is physical time (virtual or real), never less than the last.
    """

    object_c: float
    ambient_c: float
    fault: str | None
    at_s: float


def crc8(data: bytes) -> int:
    """SMBus packet error code of `data`: polynomial 0x07, start 0."""
    crc = 0
    for byte in data:
        crc = _CRC_TABLE[crc ^ byte]
    return crc


def _shifted(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x07) & 0xFF if byte & 0x80 else byte << 1
    return byte


_CRC_TABLE: Final = bytes(_shifted(byte) for byte in range(256))


class Mlx90614:
    """The part itself: it settles, it is noisy, and it answers commands."""

    def __init__(self, *, variant: str, seed: int, address: int = ADDRESS) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"MLX90614 variant {variant} is not known: use one of {', '.join(VARIANTS)}")
        self.settling_s, self.noise_c = VARIANTS[variant]
        self._noise = Random(seed)  # noqa: S311 - noise must be repeatable, not secret
        self._ready_s: float | None = None
        self._asleep = False
        self._seen_k: float | None = None
        self._updated_s = 0.0
        self._words = {AMBIENT: 0, OBJECT: 0}
        self._eeprom = {0x24: 0xFFFF, 0x25: 0x9FB4, 0x2E: 0xBE00 | address}
        maker = Random(f"id {seed}")  # noqa: S311
        self._ids = tuple(maker.randrange(1, 0x10000) for _ in range(8))

    def feel(self, senses: Senses) -> None:
        """Let physical time and the world act on the sensor; power comes with the first call."""
        if self._ready_s is None:
            self._ready_s = senses.at_s + FIRST_DATA_S
        due = self._seen_k is None or senses.at_s - self._updated_s >= self.settling_s / 2
        if due and senses.fault != "frozen":
            self._convert(senses)

    def answer(self, command: int, senses: Senses) -> int:
        """Give the word of a read command. Raises OSError (no acknowledge) for a command it doesn't know."""
        if self._asleep:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if command == FLAGS:
            return 0x10 if self._is_ready(senses) else 0
        if 0x3C <= command <= 0x3F:
            return self._ids[command - 0x3C + (4 if senses.fault == "swapped" else 0)]
        if 0x20 <= command <= 0x3F:
            return self._eeprom.get(command, 0)
        if 0x00 <= command <= 0x1F:
            return self._words.get(command, 0) if self._is_ready(senses) else 0
        raise OSError(errno.EREMOTEIO, "Remote I/O error")

    def command(self, data: bytes) -> None:
        """Take a write: nothing (a probe), or sleep. Raises OSError (no acknowledge) for any other."""
        if self._asleep or (data and data != SLEEP):
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self._asleep = bool(data)

    def wake(self, at_s: float) -> None:
        """SDA was held low for 33 ms: the part starts again."""
        self._asleep = False
        self._ready_s = at_s + FIRST_DATA_S

    def _is_ready(self, senses: Senses) -> bool:
        return self._ready_s is not None and senses.at_s >= self._ready_s

    def _convert(self, senses: Senses) -> None:
        """Make the next words: first-order settling to 99.3 % within the settling time, noise, quantum."""
        seen_k = radiometric_k(senses.object_c, senses.ambient_c)
        if self._seen_k is None:
            self._seen_k = seen_k
        left = exp(-5 * (senses.at_s - self._updated_s) / self.settling_s)
        self._seen_k = seen_k + (self._seen_k - seen_k) * left
        self._updated_s = senses.at_s
        self._words[OBJECT] = word(self._seen_k + self._noise.gauss(0, self.noise_c))
        self._words[AMBIENT] = word(kelvin(senses.ambient_c) + self._noise.gauss(0, AMBIENT_NOISE_C))


def radiometric_k(object_c: float, ambient_c: float) -> float:
    """What a sensor set to ε = 1 makes of a grey object that mirrors its surroundings, in kelvin."""
    own, mirrored = kelvin(object_c) ** 4, kelvin(ambient_c) ** 4
    return sqrt(sqrt(SKIN_EMISSIVITY * own + (1 - SKIN_EMISSIVITY) * mirrored))


def word(t_k: float) -> int:
    """Turn kelvin into a word: 0.02 K, within what the part can say."""
    return max(0x27AD, min(0x7FFF, round(t_k / 0.02)))


class SimulatedBus:
    """One I2C bus with one MLX90614, with the interface that Adafruit's libraries use of busio.I2C."""

    def __init__(self, part: Mlx90614, sense: Callable[[], Senses], address: int = ADDRESS) -> None:
        self._part = part
        self._sense = sense
        self._address = address
        self._locked = False
        self._transfers = 0

    def try_lock(self) -> bool:
        """Take the bus; False while somebody has it."""
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self) -> None:
        """Give the bus back."""
        self._locked = False

    def deinit(self) -> None:
        """Close the bus; safe to call twice."""
        self._locked = False

    def wake(self) -> None:
        """Hold SDA low for 33 ms."""
        self._part.wake(self._sense().at_s)

    def writeto(self, address: int, buffer: bytes, *, start: int = 0, end: int | None = None) -> None:
        """Write bytes. Raises OSError as the kernel does."""
        self._transfer(address)
        self._part.command(bytes(buffer[start:end]))

    def readfrom_into(self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None) -> None:
        """Read without a command: the part has nothing to say and the lines stay high."""
        self._transfer(address)
        stop = len(buffer) if end is None else end
        buffer[start:stop] = b"\xff" * (stop - start)

    def writeto_then_readfrom(
        self,
        address: int,
        buffer_out: bytes | bytearray,
        buffer_in: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        """Write a command and read its answer without a stop between. Raises OSError as the kernel does."""
        senses = self._transfer(address)
        command = bytes(buffer_out[out_start:out_end])
        if len(command) != 1:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        stop = len(buffer_in) if in_end is None else in_end
        answer = self._answer(address, command[0], senses) + b"\xff" * (stop - in_start)
        buffer_in[in_start:stop] = answer[: stop - in_start]

    def _transfer(self, address: int) -> Senses:
        """Begin a transfer: lock, power and acknowledge."""
        if not self._locked:
            raise RuntimeError("I2C transfer without the lock")
        senses = self._sense()
        if senses.fault is not None and senses.fault not in FAULTS:
            raise ValueError(f"sensor fault {senses.fault} is not known: use one of {', '.join(FAULTS)}")
        self._transfers += 1
        self._part.feel(senses)
        if senses.fault == "stuck":
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        unanswered = senses.fault == "nak" or (senses.fault == "nak_burst" and self._transfers % 4 < 2)
        if unanswered or address not in (self._address, 0x00):
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return senses

    def _answer(self, address: int, command: int, senses: Senses) -> bytes:
        if senses.fault in ("ones", "zeros"):
            return (b"\xff" if senses.fault == "ones" else b"\x00") * 3
        value = self._part.answer(command, senses)
        if senses.fault == "error_flag" and command in (AMBIENT, OBJECT):
            value |= 0x8000
        data = value.to_bytes(2, "little")
        data += bytes((crc8(bytes((address << 1, command, address << 1 | 1)) + data),))
        if senses.fault == "pec":
            flipped = int.from_bytes(data, "little") ^ 1 << self._transfers % 24
            data = flipped.to_bytes(3, "little")
        return data


def simulated_bus(sense: Callable[[], Senses], seed: int, variant: str = "DCC") -> SimulatedBus:
    """Make a bus with one part of this variant on it; `sense` tells it the truth at each transfer."""
    return SimulatedBus(Mlx90614(variant=variant, seed=seed), sense)
