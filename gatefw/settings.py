"""gate.toml as frozen values. One declaration per option gives its type, unit, bounds, default and meaning.

Below them stand the rules between options. `load` gives values that hold all of it or raises `SettingsError`;
`check` tells every problem at once; `manual` is the text of config/gate.toml. `options` reads the file.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from gatefw.errors import SettingsError
from gatefw.options import Section, file_text, manual_text, read, sections

LONGEST_MEASUREMENT_S: Final = 2.5
"""samples · settling_s may not exceed this (THERMOMETRY: a slower part is refused at commissioning)."""

SETTLING_S: Final[Mapping[str, float]] = {
    "AAA": 0.10, "BAA": 0.10, "DAA": 0.10, "ACC": 0.14, "BCC": 0.14, "DCC": 0.14,
    "BCH": 0.65, "BCI": 0.65, "DCH": 0.65, "DCI": 0.65,
}  # fmt: skip
"""Settling time by variant: MLX90614 data sheet rev 13. xCF and xCK are too slow for any gate."""

Pin = Annotated[int, Meta(ge=2, le=27)]
"""BCM number on the 40-pin header; 0 and 1 read an add-on board's identity at start and stay free."""

Variant = Literal["AAA", "BAA", "DAA", "ACC", "BCC", "DCC", "BCH", "BCI", "DCH", "DCI"]


def _within(low: float, high: float, description: str) -> Meta:
    return Meta(ge=low, le=high, description=description)


def _line(description: str) -> Meta:
    return Meta(description=description)


def _word(description: str) -> Meta:
    return Meta(pattern=r"^[^\x00-\x1f\x7f]{1,64}\Z", description=description, extra={"form": "1 to 64 characters"})


def _path(description: str) -> Meta:
    return Meta(pattern=r"^/[^\x00-\x1f\x7f]{0,4000}\Z", description=description, extra={"form": "a full path: /…"})


class Gate(Section, frozen=True):
    """Who this gate is. One gate is one scan point."""

    id: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9-]{1,32}\Z",
            description="name in every event and topic; different for every gate",
            extra={"form": "1 to 32 of a-z, 0-9 and -"},
        ),
    ] = "gate-1"
    venue: Annotated[str, _word("the public space, as the authority knows it")] = "venue"
    area: Annotated[str, _word("part of the venue")] = "entrance"
    point: Annotated[str, _word("scan point named in the permit")] = "A"
    static_codes: Annotated[
        Literal["assist", "admit"], Meta(description="codes that can be copied (HC1:): call staff, or admit")
    ] = "assist"


class Reader(Section, frozen=True):
    """The camera and its decoders."""

    camera: Annotated[int, _within(0, 3, "number of the camera")] = 0
    width_px: Annotated[int, _within(320, 1920, "width of a frame")] = 640
    height_px: Annotated[int, _within(240, 1080, "height of a frame")] = 480
    fps: Annotated[int, _within(2, 30, "frames a second")] = 10
    zxing: Annotated[bool, Meta(description="read every frame with zxing-cpp")] = True
    zbar: Annotated[bool, Meta(description="read frames that zxing-cpp missed with zbar, in turns")] = True
    stall_s: Annotated[float, _within(1, 10, "a reader silent for so long is killed and started again")] = 3.0


class Thermometer(Section, frozen=True):
    """The MLX90614 on I2C."""

    bus: Annotated[int, _within(0, 22, "I2C bus number")] = 1
    address: Annotated[int, Meta(ge=0x08, le=0x77, description="on the bus", extra={"hex": True})] = 0x5A
    variant: Annotated[Variant, Meta(description="last letters of the part's name; D parts are the medical ones")] = (
        "DCC"
    )
    settling_s: Annotated[float, _within(0.1, 0.83, "time between two samples; never faster than the part")] = 0.14
    noise_c: Annotated[float, _within(0.02, 0.3, "noise of one sample, °C rms (data sheet)")] = 0.18


class Presence(Section, frozen=True):
    """When somebody stands before the sensor."""

    rise_k: Annotated[float, _within(2, 8, "rise over the empty lane that is a person, kelvin")] = 4.0
    object_min_c: Annotated[float, _within(24, 32, "colder is no face, °C")] = 28.0
    object_max_c: Annotated[float, _within(40, 46, "hotter is no face, °C")] = 43.0
    gap_s: Annotated[float, _within(0.3, 3, "without a good sample for so long, nobody is there")] = 1.0


class Fever(Section, frozen=True):
    """What a measurement needs and what it says. It screens; staff follow up with a clinical thermometer."""

    samples: Annotated[int, _within(3, 25, "samples in one measurement: 9 for fast parts, 3 for slow ones")] = 9
    max_tries: Annotated[int, _within(1, 3, "measurements that may fail to be stable")] = 3
    tries_window_s: Annotated[float, _within(5, 15, "time for all tries")] = 15.0
    slope_limit_c_per_s: Annotated[float, _within(0.05, 0.3, "steady: the trend, °C/s, beyond 3 of its own errors")] = (
        0.15
    )
    ambient_drift_c_per_min: Annotated[float, _within(0.1, 1, "steady: the housing's trend, °C/min")] = 0.5
    frozen_s: Annotated[float, _within(2, 10, "identical samples for so long are a fault")] = 5.0
    supply_v: Annotated[float, _within(2.6, 3.6, "supply of the sensor, volt")] = 3.0
    device_offset_c: Annotated[float, _within(-0.5, 0.5, "from the black body, added to each sample, °C")] = 0.0
    emissivity: Annotated[float, _within(0.94, 1, "of skin; corrected here, never in the sensor")] = 0.98
    c0_c: Annotated[float, _within(0, 1.5, "from forehead to body, °C (site's calibration)")] = 0.5
    c1: Annotated[float, _within(0, 0.25, "°C a degree that the air is colder than the reference")] = 0.0
    u_c0_c: Annotated[float, _within(0.05, 0.5, "standard uncertainty of c0, °C; it widens the guard band")] = 0.10
    reference_ambient_c: Annotated[float, _within(18, 28, "air at which c1 changes nothing, °C")] = 24.0
    correction_limit_c: Annotated[float, _within(0.5, 2.5, "the most that c0 and c1 may change, °C")] = 2.5
    ambient_min_c: Annotated[float, _within(16, 24, "colder air: staff measure, °C")] = 16.0
    ambient_max_c: Annotated[float, _within(25, 40, "warmer air: staff measure, °C; over 35 with D parts only")] = 35.0
    low_c: Annotated[float, _within(34, 36, "below: warm up first; never normal, °C")] = 34.5
    limit_c: Annotated[float, _within(37, 37.3, "at or above: never normal, °C")] = 37.3
    remeasure_after_s: Annotated[float, _within(5, 10, "wait before the second measurement")] = 5.0


class Admission(Section, frozen=True):
    """How code and temperature become one passage."""

    join_s: Annotated[float, _within(3, 15, "code and temperature must come within")] = 8.0
    desk_s: Annotated[float, _within(2, 10, "the way to the desk is shown for")] = 3.0
    retry_s: Annotated[float, _within(1, 5, "'try again' is shown for")] = 2.0
    record_s: Annotated[float, _within(0.1, 0.3, "a grant not on the card by then opens nothing")] = 0.3


class Passback(Section, frozen=True):
    """The same person twice."""

    window_s: Annotated[float, _within(0, 3600, "nobody passes again within; 0 = no such rule")] = 60.0
    site_secret: Annotated[str, _path("file of the key that hides who passed")] = "/var/lib/gatefw/site.secret"  # noqa: S105  a file's name, no secret


class Barrier(Section, frozen=True):
    """The turnstile. Outputs are active-high, contacts pull the line low; BCM numbers, none = not fitted."""

    controller: Annotated[
        Literal["level", "pulse"],
        Meta(description="level: free while the relay is on; pulse: opens a window"),
    ] = "level"
    pin_factory: Annotated[Literal["lgpio"], Meta(description="library under gpiozero, never chosen silently")] = (
        "lgpio"
    )
    relay_pin: Annotated[Pin, _line("relay, through the charge pump")] = 17
    heartbeat_pin: Annotated[Pin, _line("feeds the charge pump")] = 27
    stop_pin: Annotated[Pin | None, _line("the controller's Stop (a pulse controller needs it)")] = 22
    passage_pin: Annotated[Pin, _line("closed = somebody in the passage")] = 5
    fire_pin: Annotated[Pin | None, _line("open = fire, beside the panel's own wire to the turnstile")] = 6
    tamper_pin: Annotated[Pin | None, _line("open = housing open")] = 13
    feedback_pin: Annotated[Pin | None, _line("closed = relay is on")] = 19
    acknowledge_pin: Annotated[Pin | None, _line("closed = staff's key turned")] = 26
    hold_s: Annotated[float, _within(2, 30, "a passage must begin within")] = 5.0
    pulse_s: Annotated[float, _within(0.1, 0.5, "length of a pulse")] = 0.2
    held_open_s: Annotated[float, _within(5, 60, "a passage occupied for longer is reported")] = 10.0


class Indicator(Section, frozen=True):
    """Lamps and sound. BCM numbers; none = not fitted."""

    kind: Annotated[
        Literal["masked", "plain"],
        Meta(description="three windows with shapes, or three plain LEDs (red, ring, green)"),
    ] = "masked"
    red_pin: Annotated[Pin, _line("red bar")] = 23
    ring_pin: Annotated[Pin, _line("amber ring; with plain LEDs: amber")] = 24
    hand_pin: Annotated[Pin | None, _line("amber hand (masked only)")] = 25
    side_pin: Annotated[Pin | None, _line("amber arrow to the desk (masked only)")] = 12
    green_pin: Annotated[Pin, _line("green arrow")] = 16
    exit_pin: Annotated[Pin | None, _line("arrow outward, for those who leave")] = 20
    buzzer_pin: Annotated[Pin | None, _line("buzzer")] = 18
    buzzer: Annotated[Literal["active", "passive"], Meta(description="active: rhythm only; passive: tones too")] = (
        "active"
    )
    volume: Annotated[float, _within(0, 1, "of a passive buzzer")] = 0.5


class Store(Section, frozen=True):
    """What must outlive a power cut."""

    path: Annotated[str, _path("database of grants, spent codes and events")] = "/var/lib/gatefw/gate.db"


class Mqtt(Section, frozen=True):
    """Where events go. Nobody waits for the broker."""

    host: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9.:_-]{0,253}\Z",
            description="broker; empty = none, events stay on the card",
            extra={"form": "a host name or address, or nothing"},
        ),
    ] = ""
    port: Annotated[int, _within(1, 65535, "TCP port")] = 1883
    keepalive_s: Annotated[int, _within(5, 120, "a silent connection is given up after 1.5 times this")] = 20


class Trust(Section, frozen=True):
    """Whose signatures count."""

    folder: Annotated[str, _path("issuers/, policy.toml and their like")] = "/etc/gatefw/trust"


class Settings(Section, frozen=True):
    """gate.toml as values."""

    gate: Gate = Gate()
    reader: Reader = Reader()
    thermometer: Thermometer = Thermometer()
    presence: Presence = Presence()
    fever: Fever = Fever()
    admission: Admission = Admission()
    passback: Passback = Passback()
    barrier: Barrier = Barrier()
    indicator: Indicator = Indicator()
    store: Store = Store()
    mqtt: Mqtt = Mqtt()
    trust: Trust = Trust()


# ---------------------------------------------------------------- what is asked of this module


def defaults() -> Settings:
    """Give the settings of an empty file."""
    return Settings()


def load(path: Path) -> Settings:
    """Read gate.toml; SettingsError names the file, the first thing wrong and how many more there are."""
    settings, problems = read(path, Settings, _conflicts)
    if problems:
        more = len(problems) - 1
        tail = f" ({more} more: gatefw config check {path})" if more else ""
        raise SettingsError("settings_invalid", problems[0] + tail)
    return settings


def overridden(base: Settings, tables: Mapping[str, Any], problems: list[str]) -> Settings:
    """Put single options in the place of those of `base`, held to the same rules; adds what is wrong to `problems`."""
    found: list[str] = []
    settings = sections(tables, base, found)
    problems += found or _conflicts(settings)
    return settings


def check(path: Path) -> list[str]:
    """Tell everything wrong with gate.toml, one sentence each; an empty list means that `load` takes it."""
    try:
        return read(path, Settings, _conflicts)[1]
    except SettingsError as error:
        return [str(error)]


def show(settings: Settings) -> str:
    """Write the effective settings as TOML that `load` reads back; what differs from the default says so."""
    return file_text(settings)


def manual() -> str:
    """Write every option with its default, its meaning and what is allowed: the text of config/gate.toml."""
    return manual_text(Settings())


# ---------------------------------------------------------------- rules between options


def _conflicts(s: Settings) -> Iterator[str]:
    yield from _thermometer_conflicts(s)
    yield from _pin_conflicts(s)
    if not (s.reader.zxing or s.reader.zbar):
        yield "[reader] zxing and zbar are both false: no code could be read"


def _thermometer_conflicts(s: Settings) -> Iterator[str]:
    part, measuring_s = s.thermometer, s.fever.samples * s.thermometer.settling_s
    if measuring_s > LONGEST_MEASUREMENT_S:
        yield (
            f"[fever] samples × [thermometer] settling_s is {measuring_s:.2f} s, allowed is at most "
            f"{LONGEST_MEASUREMENT_S} s: take fewer samples or a faster part"
        )
    if part.settling_s < SETTLING_S[part.variant]:
        yield (
            f"[thermometer] settling_s is {part.settling_s}, but a {part.variant} settles in "
            f"{SETTLING_S[part.variant]} s (data sheet): reading it faster disturbs it"
        )
    if s.fever.remeasure_after_s >= s.fever.tries_window_s:
        yield f"[fever] remeasure_after_s is {s.fever.remeasure_after_s}, not less than tries_window_s"
    if s.fever.ambient_max_c > 35 and not part.variant.startswith("D"):
        yield f"[fever] ambient_max_c is {s.fever.ambient_max_c}, but only D parts measure over 35 °C"
    if s.fever.c0_c > s.fever.correction_limit_c:
        yield f"[fever] c0_c is {s.fever.c0_c}, more than correction_limit_c ({s.fever.correction_limit_c})"


def _pin_conflicts(s: Settings) -> Iterator[str]:
    taken: dict[int, str] = {2: "the I2C bus 1 (SDA)", 3: "the I2C bus 1 (SCL)"} if s.thermometer.bus == 1 else {}
    for section, key, pin in _pins(s):
        if pin in taken:
            yield f"[{section}] {key} is {pin}, which already is {taken[pin]}: give it a line of its own"
        taken.setdefault(pin, f"[{section}] {key}")
    if s.barrier.controller == "pulse" and s.barrier.stop_pin is None:
        yield '[barrier] stop_pin is "none", but a pulse controller is ended by Stop alone: wire it'
    for key in ("hand_pin", "side_pin"):
        if s.indicator.kind == "masked" and getattr(s.indicator, key) is None:
            yield f'[indicator] {key} is "none", but masked windows show that sign: wire it or take "plain"'


def _pins(s: Settings) -> Iterator[tuple[str, str, int]]:
    for name, section in (("barrier", s.barrier), ("indicator", s.indicator)):
        for key in section.__struct_fields__:
            pin = getattr(section, key)
            if key.endswith("_pin") and pin is not None:
                yield name, key, pin
