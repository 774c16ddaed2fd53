"""The words between the yard's process and its clients, as msgpack, and how the yard is set up.

Channels, all on one AF_UNIX listener with an authentication key; the first message names the channel:
`control` (the judge's: requests below, one answer each; the yard ends with it), `pins` (the daemon's lines: writes in,
contacts out), `sense` (empty request, `Sensed` out), `camera` (`frame` in, a header and luma bytes out).
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from gatefw.simulation.report import Happening, Switch
from gatefw.simulation.turnstile import Controller
from gatefw.simulation.visitors import VisitorPlan
from gatefw.simulation.wiring import Edge, Wiring
from gatefw.simulation.world import AMBIENT_C

CONTROL: Final = b"control"
PINS: Final = b"pins"
SENSE: Final = b"sense"
CAMERA: Final = b"camera"

NEXT_FRAME: Final = b"frame"
FRAME_HEADER: Final = struct.Struct("<IId")
"""Width and height in pixels, time of capture in seconds; the luma bytes follow."""
PIN_LEVEL: Final = struct.Struct("<Hd")
"""BCM number and level: a write to the yard, or a contact from it (0.0 low, 1.0 high)."""


class Mode(StrEnum):
    """Who moves the yard's time."""

    LOCKSTEP = "lockstep"
    LIVE = "live"


@dataclass(frozen=True, kw_only=True, slots=True)
class YardConfig:
    """A yard. `starts_utc` (Unix seconds) is the wall clock when the yard's clock shows `starts_s`.

    In live mode `starts_s` is the caller's CLOCK_MONOTONIC at that very moment. `seed` is the noise's; `issuer_seed`
    makes the keys that sign the visitors' codes (`Issuer.jixiang`, see `wallet`).
    """

    mode: Mode
    plans: tuple[VisitorPlan, ...]
    starts_utc: float
    starts_s: float = 0.0
    seed: int = 0
    issuer_seed: int = 1
    wiring: Wiring = Wiring()
    controller: Controller = Controller.LEVEL
    width_px: int = 640
    height_px: int = 480
    fps: float = 10.0
    ambient_c: float = AMBIENT_C
    happenings: tuple[Happening, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What a yard's process reads from its standard input before anything else."""

    config: YardConfig
    address: str
    authkey: bytes


class Advance(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let time pass (lockstep). `writes` pin writes were sent before: take them all first."""

    until_s: float
    writes: int


class Turn(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Turn a switch now."""

    switch: Switch
    on: bool


class TellReport(msgspec.Struct, frozen=True, tag=True):
    """Ask for the report."""


class TellGlance(msgspec.Struct, frozen=True, tag=True):
    """Ask for a glance."""


Request = Advance | Turn | TellReport | TellGlance


class Advanced(msgspec.Struct, frozen=True, kw_only=True):
    """Where time stands now, which contacts changed at this moment, and whether all visitors have left."""

    now_s: float
    edges: tuple[Edge, ...]
    everyone_left: bool


class Sensed(msgspec.Struct, frozen=True, kw_only=True):
    """What is true before the thermometer at `at_s`."""

    object_c: float
    ambient_c: float
    fault: str | None
    at_s: float


REQUESTS: Final = msgspec.msgpack.Decoder(Request)
ADVANCED: Final = msgspec.msgpack.Decoder(Advanced)
SENSED: Final = msgspec.msgpack.Decoder(Sensed)
ENCODER: Final = msgspec.msgpack.Encoder()
