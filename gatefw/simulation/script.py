"""What a scenario file may say: each option with its default, its meaning and what is allowed (see `scenario`)."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from gatefw.options import Section
from gatefw.simulation.visitors import QR_LIMIT, Expected

MOST_VISITORS: Final = 1000

FetchedCode = Literal[
    "none", "green", "yellow", "orange", "red", "black_and_white", "expired", "forged", "hc1_green", "foreign_text"
]
"""The codes that a phone can have; texts, bytes and pictures are given by options of their own."""

First = Literal["together", "phone", "face"]
SensorFault = Literal["none", "nak", "nak_burst", "pec", "error_flag", "ones", "zeros", "frozen", "stuck", "swapped"]
SwitchName = Literal[
    "blank_frames", "camera_stall", "heartbeat_cut", "fire_panel", "fire_line_cut", "tamper", "key", "relay_welded"
]
_UNNAMED: Final = ""
Second = Annotated[float, Meta(ge=0, le=86_400)]


def _within(low: float, high: float, description: str) -> Meta:
    return Meta(ge=low, le=high, description=description)


def _words(description: str) -> Meta:
    return Meta(max_length=2000, description=description, extra={"form": "text"})


class File(Section, frozen=True):
    """What stands above the tables."""

    title: Annotated[str, _words("what this scenario is about, in a line")] = _UNNAMED
    shows: Annotated[str, _words("what it shows, in words")] = _UNNAMED
    air_c: Annotated[float, _within(-20, 60, "temperature of the hall, °C")] = 22.0


class Phone(Section, frozen=True):
    """How a phone, or a sheet of paper, is held before the camera."""

    size: Annotated[float, _within(0.05, 1.5, "side of the code, as a part of the frame's height")] = 0.5
    x: Annotated[float, _within(0, 1, "place in the frame, left to right")] = 0.5
    y: Annotated[float, _within(0, 1, "place in the frame, top to bottom")] = 0.5
    roll_deg: Annotated[float, _within(-180, 180, "turned in the picture's plane")] = 0.0
    yaw_deg: Annotated[float, _within(-60, 60, "tilted about the vertical")] = 0.0
    pitch_deg: Annotated[float, _within(-60, 60, "tilted about the horizontal")] = 0.0
    blur_px: Annotated[float, _within(0, 40, "out of focus")] = 0.6
    motion_px: Annotated[float, _within(0, 120, "smeared by a moving hand")] = 0.0
    brightness: Annotated[float, _within(0, 1, "of the screen")] = 0.8
    glare: Annotated[float, _within(0, 1, "a lamp reflected on it")] = 0.0
    covered: Annotated[float, _within(0, 1, "part hidden by a thumb")] = 0.0
    dark_mode: Annotated[bool, Meta(description="light modules on a dark screen")] = False
    paper: Annotated[bool, Meta(description="a printed code")] = False


class Visitor(Section, frozen=True):
    """One visitor (or `repeat` of the same sort, one after the other)."""

    kind: Annotated[str, _words("what to call this sort of visitor")] = _UNNAMED
    code: Annotated[FetchedCode, Meta(description="code on the phone")] = "none"
    companion: Annotated[FetchedCode, Meta(description="code on a second phone beside the first")] = "none"
    same_person_as: Annotated[int, _within(0, MOST_VISITORS, "number of the visitor who comes back; 0 = nobody")] = 0
    text: Annotated[str, Meta(max_length=QR_LIMIT, description="show this text", extra={"form": "text"})] = _UNNAMED
    text_times: Annotated[int, _within(1, QR_LIMIT, "show the text so many times over, in one code")] = 1
    text_parts: Annotated[int, _within(1, 16, "spread the text over so many codes, show the first of them")] = 1
    bytes_hex: Annotated[
        str, Meta(pattern=r"^([0-9a-fA-F]{2} ?)*\Z", description="show these bytes", extra={"form": "hex digits"})
    ] = _UNNAMED
    picture: Annotated[str, _words("show this picture of the test data, by its path there")] = _UNNAMED
    phone: Annotated[Phone, Meta(description="how it is held", extra={"form": "a table"})] = Phone()
    forehead_c: Annotated[float, _within(15, 45, "temperature of the skin, °C")] = 35.9
    first: Annotated[First, Meta(description="what comes first: phone or face")] = "together"
    forces_entry: Annotated[bool, Meta(description="pushes through the barrier")] = False
    followed: Annotated[bool, Meta(description="somebody walks in right behind")] = False
    uses_grant: Annotated[bool, Meta(description="walks through when the arrow is lit")] = True
    sensor_fault: Annotated[SensorFault, Meta(description="what the thermometer suffers meanwhile")] = "none"
    waits_s: Annotated[float, _within(0, 3600, "how long the lane stands empty before")] = 2.0
    not_before_s: Annotated[Second, Meta(description="comes no earlier, seconds from the start")] = 0.0
    patience_s: Annotated[float, _within(1, 600, "leaves without a sign after")] = 25.0
    repeat: Annotated[int, _within(1, MOST_VISITORS, "so many of them")] = 1
    gets: Annotated[Expected, Meta(description="what the gate must make of this visitor")] = "refused"
    because: Annotated[str, _words("for this reason; empty = any")] = _UNNAMED


class Happens(Section, frozen=True):
    """Something is done to the yard."""

    after_s: Annotated[Second, Meta(description="seconds from the start")] = 0.0
    switch: Annotated[SwitchName, Meta(description="what is switched")] = "blank_frames"
    on: Annotated[bool, Meta(description="on or off")] = True


class Expect(Section, frozen=True):
    """What must be seen from outside."""

    relay: Annotated[
        tuple[tuple[Second, Second], ...],
        Meta(description="when the relay's coil is on", extra={"form": "a list of [on, off], in seconds"}),
    ] = ()
    tolerance_s: Annotated[float, _within(0.02, 5, "how far an edge of the relay may be off")] = 0.3
    signs: Annotated[
        tuple[str, ...], Meta(description="the signs, as the lamps show them", extra={"form": "a list of signs"})
    ] = ()
    events: Annotated[
        tuple[str, ...],
        Meta(description="what the broker is told", extra={"form": 'a list of "kind" or "kind: reason"'}),
    ] = ()
