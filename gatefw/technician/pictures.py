"""Pictures as a reader takes them: upright, grey, transparency on white, and bounded before they are unpacked."""

import struct
import warnings
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gatefw.technician.sources import UsageError

PICTURE_LIMIT_PX: Final = 64_000_000
"""A phone's largest photograph; more is a mistake or a decompression bomb."""

_PICTURE_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""Named, because Pillow would hand a PostScript file to a program."""


def read_luma(path: Path) -> NDArray[np.uint8]:
    """Return the picture's luma, (height, width), upright by its EXIF data, transparency on white; UsageError."""
    try:
        with warnings.catch_warnings(), Image.open(path, formats=_PICTURE_FORMATS) as picture:
            warnings.simplefilter("ignore")  # metadata that Pillow finds odd; the size is judged here
            if picture.width * picture.height > PICTURE_LIMIT_PX:
                raise UsageError(
                    f"{path}: {picture.width} x {picture.height} pixels are too many; give a smaller copy."
                )
            return np.ascontiguousarray(np.asarray(_on_white(ImageOps.exif_transpose(picture))), dtype=np.uint8)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such picture.") from None
    except (Image.DecompressionBombError, MemoryError):
        raise UsageError(f"{path}: the picture is too large; give a smaller copy.") from None
    except UsageError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, KeyError, ArithmeticError, struct.error):
        raise UsageError(f"{path}: this is no picture that can be read; give a PNG or JPEG.") from None


def _on_white(picture: Image.Image) -> Image.Image:
    """Return an 8-bit grey copy; 16-bit grey keeps its high byte, where Pillow alone would clip it to white."""
    if picture.mode.startswith("I;16"):
        return picture.point(lambda value: value / 256).convert("L")
    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    white.alpha_composite(layered)
    return white.convert("L")
