"""A phone, or a sheet of paper, as a camera sees it: the code, the screen around it, tilt and blur.

A sprite is drawn once for each look of a phone; where in the frame it stands is the renderer's business.
"""

import functools
import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from gatefw.simulation.scene import Phone

_Corners = list[tuple[float, float]]

FOCAL_WIDTHS: Final = 0.9
"""Focal length in frame widths: a 58° field of view, as the narrower modules for the Raspberry Pi have."""
QUIET_MODULES: Final = 4
"""Light margin around a QR code (ISO/IEC 18004:2015, 6.3.8)."""


# ---------------------------------------------------------------- the face of a phone


@functools.lru_cache(maxsize=256)
def code_modules(text: str | bytes) -> NDArray[np.uint8]:
    """Return a QR code's modules, 1 = dark, quiet zone included, shape (n, n).

    Raises ValueError when the text can't fit.
    """
    try:
        code = segno.make_qr(text, error="L", boost_error=True)
    except segno.DataOverflowError as error:
        raise ValueError(
            f"A text of {len(text)} characters does not fit into a QR code (version 40); shorten it."
        ) from error
    return np.array([list(row) for row in code.matrix_iter(border=QUIET_MODULES)], dtype=np.uint8)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tones:
    """Luma of what is drawn: the lit parts of the screen, the dark ones, the frame around it, and skin."""

    lit: int
    dark: int
    frame: int
    skin: int


def _tones(phone: Phone, light: float) -> _Tones:
    if phone.paper:
        return _Tones(
            lit=round(30 + 210 * min(1.0, light / 0.8)),
            dark=round(8 + 40 * light),
            frame=round(215 * light),
            skin=90,
        )
    # a dark screen still mirrors the hall
    return _Tones(
        lit=round(35 + 205 * phone.brightness),
        dark=round(8 + 30 * light + 10 * phone.brightness),
        frame=round(15 + 30 * light),
        skin=round(40 + 120 * light),
    )


@functools.lru_cache(maxsize=64)
def _face(phone: Phone, light: float, module_px: int) -> tuple[Image.Image, float]:
    """Draw phone or paper seen straight on. Returns the picture and the code's side in its pixels."""
    tones = _tones(phone, light)
    modules = code_modules(phone.text) if phone.text else np.zeros((41, 41), dtype=np.uint8)
    side_px = (modules.shape[0] - 2 * QUIET_MODULES) * module_px
    body = (round(side_px * (1.5 if phone.paper else 1.34)), round(side_px * (1.9 if phone.paper else 2.3)))
    face = Image.new("L", body, tones.frame)
    draw = ImageDraw.Draw(face)
    lit, dark = (tones.dark, tones.lit) if phone.dark_mode else (tones.lit, tones.dark)
    rim = 0 if phone.paper else round(side_px * 0.05)
    draw.rectangle((rim, rim, body[0] - 1 - rim, body[1] - 1 - 2 * rim), fill=lit)
    _letter(draw, body, side_px, (2 * lit + dark) // 3)
    shown = np.where(modules == 1, dark, lit).astype(np.uint8)
    code = Image.fromarray(shown).resize((shown.shape[1] * module_px,) * 2, Image.Resampling.NEAREST)
    face.paste(code, ((body[0] - code.width) // 2, (body[1] - code.height) // 2))
    _spoil(face, phone, side_px, tones.skin)
    return face, float(side_px)


def _letter(draw: ImageDraw.ImageDraw, body: tuple[int, int], side_px: int, luma: int) -> None:
    """Put lines of "text" above and below the code, as an app does: they must not read as anything."""
    for line, y in enumerate((0.16, 0.22, 0.28, 1.86, 1.94)):
        if y * side_px < body[1] - side_px * 0.12:
            left = body[0] * (0.2 + 0.05 * (line % 2))
            box = (left, y * side_px, body[0] - left, (y + 0.025) * side_px)
            draw.rectangle(box, fill=luma)


def _spoil(face: Image.Image, phone: Phone, side_px: int, skin: int) -> None:
    """Lay a lamp's reflection and a covering finger over the face."""
    if phone.glare > 0:
        patch = (round(side_px * 0.9), round(side_px * 0.6))
        halo = Image.radial_gradient("L").resize(patch).point([round((255 - v) * phone.glare) for v in range(256)])
        face.paste(255, (round(face.width * 0.38), round(face.height * 0.3)), halo)
    if phone.covered > 0:
        # a thumb over the corner that has no finder pattern
        right, bottom = (face.width + side_px) // 2, (face.height + side_px) // 2
        hidden = round(side_px * phone.covered)
        ImageDraw.Draw(face).rectangle((right - hidden, bottom - hidden, face.width, bottom + side_px), fill=skin)


# ---------------------------------------------------------------- tilted, blurred, cut out


@dataclass(frozen=True, kw_only=True, slots=True)
class Sprite:
    """A phone as the camera sees it: luma and mask of one size, placed relative to the code's centre."""

    luma: Image.Image
    mask: Image.Image
    left_px: int
    top_px: int


def draw_sprite(width_px: int, height_px: int, phone: Phone, light: float) -> Sprite:
    """Draw one phone for a frame of this size, in perspective, with its blur.

    Cut off where no position could show it.
    """
    side_px = phone.size * height_px
    modules = len(code_modules(phone.text)) - 2 * QUIET_MODULES if phone.text else 33
    plain = replace(phone, size=1.0, roll_deg=0.0, yaw_deg=0.0, pitch_deg=0.0, blur_px=0.0, motion_px=0.0)
    # drawn a little larger than it is seen: the bilinear warp then neither invents nor loses modules
    face, face_side_px = _face(plain, light, max(1, math.ceil(1.25 * side_px / modules)))
    corners = _project(face.size, side_px / face_side_px, phone, FOCAL_WIDTHS * width_px)
    margin = math.ceil(3 * phone.blur_px + phone.motion_px) + 2
    left = max(math.floor(min(x for x, _ in corners)) - margin, -2 * width_px)
    top = max(math.floor(min(y for _, y in corners)) - margin, -2 * height_px)
    right = min(math.ceil(max(x for x, _ in corners)) + margin, 2 * width_px)
    bottom = min(math.ceil(max(y for _, y in corners)) + margin, 2 * height_px)
    shifted = [(x - left, y - top) for x, y in corners]
    size = (right - left, bottom - top)
    edge = _tones(phone, light).frame
    luma = face.transform(
        size,
        Image.Transform.PERSPECTIVE,
        _coefficients(shifted, face.size),
        Image.Resampling.BILINEAR,
        fillcolor=edge,
    )
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon(shifted, fill=255)
    blurred = (_blur(plane, phone.blur_px, phone.motion_px) for plane in (luma, mask))
    return Sprite(luma=next(blurred), mask=next(blurred), left_px=left, top_px=top)


def _project(face_size: tuple[int, int], scale: float, phone: Phone, focal_px: float) -> _Corners:
    """Place the face's corners in the picture, relative to its centre: rotate in space, then a pinhole."""
    roll, yaw, pitch = (math.radians(a) for a in (phone.roll_deg, phone.yaw_deg, phone.pitch_deg))
    corners: _Corners = []
    for sx, sy in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        x, y = sx * face_size[0] * scale, sy * face_size[1] * scale
        x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
        x, z = x * math.cos(yaw), x * math.sin(yaw)
        y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
        near = focal_px / max(focal_px + z, 0.2 * focal_px)
        corners.append((x * near, y * near))
    return corners


def _coefficients(seen: _Corners, face_size: tuple[int, int]) -> tuple[float, ...]:
    """Solve Pillow's eight numbers (a..h): from a pixel of the picture to one of the face."""
    w, h = face_size
    rows: list[list[float]] = []
    wanted: list[float] = []
    for (x, y), (u, v) in zip(seen, ((0, 0), (w, 0), (w, h), (0, h)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    solved = np.linalg.solve(np.array(rows), np.array(wanted))
    return tuple(float(c) for c in solved)


def _blur(plane: Image.Image, blur_px: float, motion_px: float) -> Image.Image:
    if blur_px > 0:
        plane = plane.filter(ImageFilter.GaussianBlur(blur_px))
    steps = round(motion_px)
    if steps < 1:
        return plane
    # a running mean over `steps + 1` columns, centred
    total = np.zeros((plane.height, plane.width), dtype=np.uint32)
    for shift in range(-(steps // 2), steps - steps // 2 + 1):
        total += np.asarray(ImageChops.offset(plane, shift, 0))
    return Image.fromarray((total // (steps + 1)).astype(np.uint8))
