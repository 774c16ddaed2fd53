"""Draw a scene as the luma plane that a camera above the reader's window would give.

Deterministic: the same (seed, scene, frame number) gives the same bytes. Fast enough for long simulations,
because each expensive step is kept: the code's modules, the drawn screen, the tilted and blurred sprite, the
hall under one light, the noise at one strength. What remains for a frame is a copy, a paste and an addition.
"""

import functools
import io
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, UnidentifiedImageError

from gatefw.simulation.scene import Phone, Scene
from gatefw.simulation.sprite import code_modules, draw_sprite

__all__ = ["Renderer", "code_modules", "draw_hall", "fit_picture", "flatten"]

Luma = NDArray[np.uint8]

PICTURE_LIMIT_PX: Final = 50_000_000
_NOISE_ROLL_Y: Final = 97
_NOISE_ROLL_X: Final = 131
_COVERED_LENS_LUMA: Final = 10


class Renderer:
    """Turns scenes into luma planes of `height_px` rows of `width_px` bytes."""

    def __init__(self, *, width_px: int, height_px: int, seed: int) -> None:
        self._width_px = width_px
        self._height_px = height_px
        shape = (height_px + _NOISE_ROLL_Y, width_px + _NOISE_ROLL_X)
        self._unit_noise = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
        self._noise = functools.lru_cache(maxsize=4)(self._scaled_noise)
        self._hall = functools.lru_cache(maxsize=8)(self._lit_hall)
        self._shown = functools.lru_cache(maxsize=4)(self._fitted_picture)
        self._sprite = functools.lru_cache(maxsize=48)(functools.partial(draw_sprite, width_px, height_px))

    def render(self, scene: Scene, frame_number: int) -> Luma:
        """Return the luma plane, shape (height_px, width_px).

        Raises ValueError for a text that no QR code holds, or a picture that can't be read.
        """
        return self._with_noise(self._still(scene), scene.noise_sd, frame_number)

    def _still(self, scene: Scene) -> Image.Image:
        if scene.blank:
            return Image.new("L", (self._width_px, self._height_px), _COVERED_LENS_LUMA)
        if scene.picture is not None:
            return self._shown(scene.picture)
        if not scene.phones:
            return self._hall(scene.light)
        image = self._hall(scene.light).copy()
        for phone in scene.phones:
            self._place(image, phone, scene.light)
        return image

    def _place(self, image: Image.Image, phone: Phone, light: float) -> None:
        sprite = self._sprite(replace(phone, x=0.5, y=0.5), light)
        left = round(phone.x * self._width_px) + sprite.left_px
        top = round(phone.y * self._height_px) + sprite.top_px
        image.paste(sprite.luma, (left, top), sprite.mask)

    def _with_noise(self, image: Image.Image, noise_sd: float, frame_number: int) -> Luma:
        luma = np.asarray(image)
        if noise_sd == 0:
            return luma.copy()
        top, left = frame_number * 37 % _NOISE_ROLL_Y, frame_number * 61 % _NOISE_ROLL_X
        grain = self._noise(noise_sd)[top : top + self._height_px, left : left + self._width_px]
        noisy = np.add(luma, grain, dtype=np.int16)
        np.clip(noisy, 0, 255, out=noisy)
        seen: Luma = noisy.astype(np.uint8)
        return seen

    def _scaled_noise(self, noise_sd: float) -> NDArray[np.int16]:
        grain: NDArray[np.int16] = np.rint(self._unit_noise * noise_sd).astype(np.int16)
        return grain

    def _lit_hall(self, light: float) -> Image.Image:
        return draw_hall(self._width_px, self._height_px).point([min(255, round(v * light / 0.6)) for v in range(256)])

    def _fitted_picture(self, picture: bytes) -> Image.Image:
        return fit_picture(picture, self._width_px, self._height_px)


# ---------------------------------------------------------------- the hall and foreign pictures


def draw_hall(width_px: int, height_px: int) -> Image.Image:
    """Draw an entrance hall at ordinary light: lamps, wall, door, pillars, floor; a little out of focus."""
    image = Image.linear_gradient("L").resize((width_px, height_px)).point([80 + v // 4 for v in range(256)])
    draw = ImageDraw.Draw(image)

    def block(x: float, y: float, w: float, h: float, luma: int) -> None:
        draw.rectangle((x * width_px, y * height_px, (x + w) * width_px, (y + h) * height_px), fill=luma)

    for lamp in range(4):
        block(0.08 + 0.24 * lamp, 0.04, 0.12, 0.03, 225)
    block(0.0, 0.22, 1.0, 0.42, 118)
    block(0.36, 0.26, 0.26, 0.38, 190)
    block(0.485, 0.26, 0.012, 0.38, 70)
    for pillar in (0.12, 0.78):
        block(pillar, 0.1, 0.07, 0.62, 92)
    block(0.0, 0.64, 1.0, 0.012, 60)
    for tile in range(1, 6):
        draw.line(((tile * 0.2 - 0.1) * width_px, height_px, 0.5 * width_px, 0.5 * height_px), fill=120)
    block(0.0, 0.22, 1.0, 0.005, 150)
    return image.filter(ImageFilter.GaussianBlur(height_px / 240))


def fit_picture(picture: bytes, width_px: int, height_px: int) -> Image.Image:
    """Decode a PNG or JPEG and fit it into the frame, its shape kept. Raises ValueError if it is neither."""
    try:
        with Image.open(io.BytesIO(picture), formats=("PNG", "JPEG")) as opened:
            if opened.width * opened.height > PICTURE_LIMIT_PX:
                raise ValueError(f"The picture has {opened.width} x {opened.height} pixels; give a smaller one.")
            grey = flatten(opened)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"The picture to show is no readable PNG or JPEG: {error}.") from error
    scale = min(width_px / grey.width, height_px / grey.height)
    size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
    fitted = grey.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    frame = Image.new("L", (width_px, height_px), 200)
    frame.paste(fitted, ((width_px - size[0]) // 2, (height_px - size[1]) // 2))
    return frame


def flatten(image: Image.Image) -> Image.Image:
    """Turn any picture into one grey plane; what is transparent becomes white, as on a page."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("L")
    return image.convert("L")
