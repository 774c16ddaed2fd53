"""Cameras for the worker process of the tests: sound ones and bad ones. Imported there by name."""

import ctypes
import functools
import time

from gatefw.drivers.reader.camera import Camera
from gatefw.errors import DeviceFault
from gatefw.model import Frame
from gatefw.simulation.camera import SimulatedPicamera2
from gatefw.simulation.render import Renderer
from gatefw.simulation.scene import Scene

WIDTH, HEIGHT = 320, 240


def frame(number: int, luma: object) -> Frame:
    return Frame(number=number, width_px=WIDTH, height_px=HEIGHT, luma=luma, captured_s=1.0, handed_s=0.0)


class Endless:
    """A frame that the decoders never get to the end of."""

    @property
    def luma(self) -> bytes:
        while True:
            pass


class Bad:
    """Gives some sound frames, then does what it was made for."""

    def __init__(self, kind: str, sound: int) -> None:
        self.kind, self.left, self.number = kind, sound, 0

    def capture(self, wait_s: float) -> Frame | Endless | None:
        self.number += 1
        if self.number <= self.left:
            return frame(self.number, bytes(WIDTH * HEIGHT))
        match self.kind:
            case "endless_decode":
                return Endless()
            case "crash":
                ctypes.string_at(0)
            case "hang":
                while True:
                    time.sleep(1)
            case "no_frames":
                time.sleep(min(wait_s, 0.02))
                return None
            case "not_a_number":
                return Frame(number=1, width_px=8, height_px=8, luma=bytes(64), captured_s=float("nan"), handed_s=0.0)
            case "eats_memory":
                eaten = bytes(4 << 30)
                return frame(self.number, eaten[: WIDTH * HEIGHT])
        raise DeviceFault("camera_missing", "The cable came off.")


def open_bad(kind: str, sound: int = 1) -> Bad:
    return Bad(kind, sound)


def open_scene(scene: Scene, width_px: int = 640, height_px: int = 480) -> Camera:
    renderer = Renderer(width_px=width_px, height_px=height_px, seed=5)
    return Camera(
        SimulatedPicamera2(functools.partial(_drawn, renderer, scene)), width_px=width_px, height_px=height_px, fps=10
    )


def _drawn(renderer: Renderer, scene: Scene) -> tuple[bytes, float]:
    return renderer.render(scene, 1).tobytes(), 12.5
