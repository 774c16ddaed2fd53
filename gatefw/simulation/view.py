"""What stands before the camera: a visitor's phone, moving in, held, moving out, with the code it fetched."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from gatefw.simulation.people import Visitor
from gatefw.simulation.scene import Phone, Scene
from gatefw.simulation.visitors import Code, Pose

OUT_OF_VIEW: Final = 1.6
"""How many frame heights below its place a phone rests when it is not held up."""
COMPANION_X: Final = (0.3, 0.74)
"""Where two phones are held beside each other, as fractions of the frame's width."""
COMPANION_SIZE: Final = 0.42


class Wallet(Protocol):
    """Where phones get their codes from."""

    def text(self, code: Code, visitor: int, at_utc: float) -> str:
        """Return the text of a code fetched at `at_utc` (Unix seconds) by this visitor."""
        ...


class View:
    """Makes scenes. `utc` tells the wall clock (Unix seconds) at a time of the yard's clock."""

    def __init__(self, *, wallet: Wallet, utc: Callable[[float], float]) -> None:
        self._wallet = wallet
        self._utc = utc
        self._texts: dict[tuple[int, Code], str] = {}

    def scene(self, visitor: Visitor | None, at_s: float) -> Scene:
        """Return what the camera has before it while this visitor's turn it is."""
        extent = visitor.phone_extent(at_s) if visitor else 0.0
        if visitor is None or extent == 0.0:
            return Scene()
        if visitor.plan.code is Code.PICTURE:
            return Scene(picture=visitor.plan.raw)
        return Scene(phones=self._phones(visitor, (1.0 - extent) * OUT_OF_VIEW))

    def _phones(self, visitor: Visitor, lowered: float) -> tuple[Phone, ...]:
        plan = visitor.plan
        if plan.second is Code.NONE:
            return self._held(visitor, plan.code, plan.pose, lowered)
        poses = [replace(plan.pose, x=x, size=min(plan.pose.size, COMPANION_SIZE)) for x in COMPANION_X]
        first = self._held(visitor, plan.code, poses[0], lowered)
        return first + self._held(visitor, plan.second, poses[1], lowered)

    def _held(self, visitor: Visitor, code: Code, pose: Pose, lowered: float) -> tuple[Phone, ...]:
        if code is Code.NONE:
            return ()
        held = Phone(
            text=self._text(visitor, code),
            x=pose.x,
            y=pose.y + lowered,
            size=pose.size,
            roll_deg=pose.roll_deg,
            yaw_deg=pose.yaw_deg,
            pitch_deg=pose.pitch_deg,
            blur_px=pose.blur_px,
            motion_px=pose.motion_px,
            brightness=pose.brightness,
            glare=pose.glare,
            covered=pose.covered,
            dark_mode=pose.dark_mode,
            paper=pose.paper,
        )
        return (held,)

    def _text(self, visitor: Visitor, code: Code) -> str | bytes:
        """Fetch the visitor's code once, as of the moment they stepped up."""
        given = visitor.plan.literal if visitor.plan.raw is None else visitor.plan.raw
        if code in (Code.LITERAL, Code.BINARY) and given is not None:
            return given
        key = (visitor.plan.number, code)
        if key not in self._texts:
            person = visitor.plan.number if visitor.plan.person is None else visitor.plan.person
            self._texts[key] = self._wallet.text(code, person, self._utc(visitor.arrived_s or 0.0))
        return self._texts[key]
