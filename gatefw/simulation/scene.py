"""What stands before the simulated camera: phones and paper with codes, the light, and the sensor's noise.

A scene is a value. The yard makes one for each moment; `render.Renderer` turns it into a luma plane.
Positions are fractions of the frame, so a scene knows no resolution.
"""

import math
from dataclasses import dataclass
from typing import Final

TILT_LIMIT_DEG: Final = 75.0
"""Beyond this a screen is seen edge-on and shows nothing that a camera could read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phone:
    """A telephone, or a sheet of paper, held before the camera with a QR code on it.

    `text` is what the code says: `str` as segno encodes it, `bytes` in byte mode; empty = a screen
    without code. `x`, `y` place the code's centre as fractions of the frame (0,0 = top left; values
    outside 0..1 are partly or wholly out of view). `size` is the code's side, quiet zone excluded, as a
    fraction of the frame's height. Roll turns in the picture's plane, yaw about the vertical and pitch
    about the horizontal axis. `blur_px` is the standard deviation of the lens blur, `motion_px` the
    length of the horizontal smear during the exposure. `brightness` is the screen's backlight (0..1;
    paper takes the hall's light instead), `glare` the strength of a lamp's reflection on it (0..1),
    `covered` the part of the code's side, from its lower right corner, that a thumb hides.

    The renderer keeps what it drew for each phone apart from `x` and `y`: a phone that only moves is
    cheap, one that tilts from frame to frame is drawn anew.
    """

    text: str | bytes
    x: float = 0.5
    y: float = 0.5
    size: float = 0.5
    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    blur_px: float = 0.6
    motion_px: float = 0.0
    brightness: float = 0.8
    dark_mode: bool = False
    glare: float = 0.0
    covered: float = 0.0
    paper: bool = False

    def __post_init__(self) -> None:
        _within("x", self.x, -4.0, 5.0)
        _within("y", self.y, -4.0, 5.0)
        _within("size", self.size, 0.02, 3.0)
        _within("roll_deg", self.roll_deg, -360.0, 360.0)
        _within("yaw_deg", self.yaw_deg, -TILT_LIMIT_DEG, TILT_LIMIT_DEG)
        _within("pitch_deg", self.pitch_deg, -TILT_LIMIT_DEG, TILT_LIMIT_DEG)
        _within("blur_px", self.blur_px, 0.0, 40.0)
        _within("motion_px", self.motion_px, 0.0, 120.0)
        _within("brightness", self.brightness, 0.0, 1.0)
        _within("glare", self.glare, 0.0, 1.0)
        _within("covered", self.covered, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One moment before the camera.

    `light` is the hall's light (0..1, 0.6 = an ordinary hall), `noise_sd` the sensor's noise in luma
    steps. `blank` is a covered lens: nothing but noise. `picture` is the content of a PNG or JPEG file,
    shown instead of phones and fitted into the frame with its shape kept.
    """

    phones: tuple[Phone, ...] = ()
    light: float = 0.6
    noise_sd: float = 3.0
    blank: bool = False
    picture: bytes | None = None

    def __post_init__(self) -> None:
        _within("light", self.light, 0.0, 1.0)
        _within("noise_sd", self.noise_sd, 0.0, 64.0)


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise ValueError(f"{name} is {value!r}; give a number from {lowest:g} to {highest:g}.")
