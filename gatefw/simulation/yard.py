"""The yard: the world around the gate as a process of its own, judged from outside even when the daemon is dead.

One loop owns the world. In lockstep its time moves only when the control channel says so; in live mode it follows
CLOCK_MONOTONIC. A second thread only accepts connections, and one for each camera only sends frames, so that a
client that is stopped in the middle can't stop the world. Run by `yardlink.start_yard`.
"""

import math
import selectors
import signal
import struct
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, Listener
from typing import assert_never

import msgspec

from gatefw.simulation.render import Renderer, code_modules, fit_picture
from gatefw.simulation.report import Switch
from gatefw.simulation.visitors import Code, VisitorPlan
from gatefw.simulation.wallet import IssuerWallet
from gatefw.simulation.world import World
from gatefw.simulation.yarddoor import Arrivals, CameraClient
from gatefw.simulation.yardwords import (
    CAMERA,
    CONTROL,
    ENCODER,
    FRAME_HEADER,
    NEXT_FRAME,
    PIN_LEVEL,
    PINS,
    REQUESTS,
    SENSE,
    Advance,
    Advanced,
    Mode,
    Opening,
    Sensed,
    TellGlance,
    TellReport,
    Turn,
    YardConfig,
)

READY = "ready"
THUMBNAIL_STEP_PX = 8
Channel = Connection
Handler = Callable[[Channel, bytes], None]


class Yard:
    """The loop. `run` returns when the first control channel or standard input ends."""

    def __init__(self, config: YardConfig, listener: Listener, lifeline: int) -> None:
        self._live = config.mode is Mode.LIVE
        self._config = config
        self._world = World(
            wiring=config.wiring,
            plans=config.plans,
            wallet=IssuerWallet(config.issuer_seed),
            controller=config.controller,
            starts_s=config.starts_s,
            starts_utc=config.starts_utc,
            ambient_c=config.ambient_c,
            happenings=config.happenings,
        )
        self._renderer = Renderer(width_px=config.width_px, height_px=config.height_px, seed=config.seed)
        self._frames = 0
        self._thumbnail = (0, 0, b"")
        self._writes = 0
        self._open = True
        self._judge: Channel | None = None
        self._pins: Channel | None = None
        self._cameras: dict[Channel, CameraClient] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(lifeline, selectors.EVENT_READ, self._end)
        self._arrivals = Arrivals(listener)
        self._selector.register(self._arrivals.bell, selectors.EVENT_READ, self._welcome)

    def run(self) -> None:
        """Serve until the judge leaves."""
        while self._open:
            for key, _ in self._selector.select(self._timeout_s()):
                key.data()
            if self._live:
                self._catch_up()
            self._send_due_frames()

    # ------------------------------------------------------------ clients

    def _end(self) -> None:
        self._open = False

    def _welcome(self) -> None:
        for channel in self._arrivals.take():
            self._listen(channel, self._introduce)

    def _listen(self, channel: Channel, handler: Handler) -> None:
        def ready() -> None:
            try:
                if not channel.poll():
                    return  # pin writes are also taken ahead of their turn, by `_take_writes`
                message = channel.recv_bytes(1 << 20)
                if self._live:
                    self._catch_up()
                handler(channel, message)
            except (EOFError, OSError, msgspec.DecodeError, struct.error):
                if self._live:
                    self._catch_up()
                self._drop(channel)

        if channel.fileno() in self._selector.get_map():
            self._selector.modify(channel, selectors.EVENT_READ, ready)
        else:
            self._selector.register(channel, selectors.EVENT_READ, ready)

    def _introduce(self, channel: Channel, role: bytes) -> None:
        if role == PINS:
            self._listen(channel, self._write_pin)
            self._pins, self._writes = channel, 0
            self._push(tuple(self._world.contacts().items()))
        elif role == CAMERA:
            self._listen(channel, self._ask_frame)
            self._cameras[channel] = camera = CameraClient()
            camera.serve(channel)
        elif role == SENSE:
            self._listen(channel, self._sense)
        elif role == CONTROL:
            self._listen(channel, self._control)
            self._judge = self._judge or channel
        else:
            self._drop(channel)

    def _drop(self, channel: Channel) -> None:
        self._selector.unregister(channel)
        self._open = self._open and channel is not self._judge
        if channel is self._pins:
            # whoever drove the lines is dead: the board's pull-downs hold them low
            self._pins = None
            self._world.float_outputs()
        if camera := self._cameras.pop(channel, None):
            camera.frames.put(None)
        else:
            channel.close()

    # ------------------------------------------------------------ control

    def _control(self, channel: Channel, message: bytes) -> None:
        request = REQUESTS.decode(message)
        match request:
            case Advance():
                channel.send_bytes(ENCODER.encode(self._advance(request)))
            case Turn():
                self._world.switch(request.switch, request.on)
                channel.send_bytes(ENCODER.encode(True))
            case TellReport():
                channel.send_bytes(ENCODER.encode(self._world.report()))
            case TellGlance():
                channel.send_bytes(ENCODER.encode(self._world.glance(*self._thumbnail)))
            case _:
                assert_never(request)

    def _advance(self, request: Advance) -> Advanced:
        self._take_writes(request.writes)
        if self._live:
            return Advanced(now_s=self._world.now_s, edges=(), everyone_left=self._world.everyone_left)
        now_s, edges = self._world.advance(request.until_s)
        return Advanced(now_s=now_s, edges=edges, everyone_left=self._world.everyone_left)

    # ------------------------------------------------------------ the gate's lines

    def _write_pin(self, channel: Channel, message: bytes) -> None:
        pin, level = PIN_LEVEL.unpack(message)
        if channel is not self._pins:
            return  # what the one before left in the pipe came too late
        self._writes += 1
        self._world.set_pin(pin, level)

    def _take_writes(self, count: int) -> None:
        """Take the writes that were sent before now, so that time can't overtake them."""
        while self._pins and self._writes < count:
            try:
                self._write_pin(self._pins, self._pins.recv_bytes(1 << 20))
            except (EOFError, OSError):
                self._drop(self._pins)

    def _push(self, contacts: tuple[tuple[int, bool], ...]) -> None:
        try:
            for pin, high in contacts:
                if self._pins:
                    self._pins.send_bytes(PIN_LEVEL.pack(pin, float(high)))
        except OSError:
            return  # its end of file is read next, and lets the lines fall

    def _catch_up(self) -> None:
        """Bring a live world to the present, telling each contact on the way."""
        until_s = time.monotonic()
        while True:
            _, edges = self._world.advance(until_s)
            if not edges:
                return
            self._push(edges)

    # ------------------------------------------------------------ sensors

    def _sense(self, channel: Channel, _message: bytes) -> None:
        world = self._world
        seen = Sensed(
            object_c=world.object_c(),
            ambient_c=world.ambient_c(),
            fault=world.sensor_fault(),
            at_s=world.now_s,
        )
        channel.send_bytes(ENCODER.encode(seen))

    def _ask_frame(self, channel: Channel, message: bytes) -> None:
        if message != NEXT_FRAME:
            raise OSError("not a camera")
        camera = self._cameras[channel]
        # a live camera gives the frame that is exposed next; in lockstep the asking is the clock
        camera.due_s = camera.last_s + 1 / self._config.fps if self._live else self._world.now_s

    def _send_due_frames(self) -> None:
        now_s = self._world.now_s
        for camera in self._cameras.values():
            if camera.due_s <= now_s and not self._world.is_on(Switch.CAMERA_STALL):
                camera.due_s, camera.last_s = math.inf, now_s
                camera.frames.put(self._frame())

    def _frame(self) -> bytes:
        self._frames += 1
        luma = self._renderer.render(self._world.scene(), self._frames)
        small = luma[::THUMBNAIL_STEP_PX, ::THUMBNAIL_STEP_PX]
        self._thumbnail = (small.shape[1], small.shape[0], small.tobytes())
        return FRAME_HEADER.pack(luma.shape[1], luma.shape[0], self._world.now_s) + luma.tobytes()

    def _timeout_s(self) -> float | None:
        if not self._live:
            return None
        frames_s = (camera.due_s for camera in self._cameras.values())
        due_s = min(self._world.next_s(), *frames_s, time.monotonic() + 1.0)
        return max(0.0, due_s - time.monotonic())


def check_plans(plans: tuple[VisitorPlan, ...]) -> None:
    """Refuse, before anything moves, what no phone can show: ValueError names the visitor."""
    for plan in plans:
        try:
            if plan.code is Code.PICTURE and plan.raw is not None:
                fit_picture(plan.raw, 64, 64)
            elif plan.literal is not None or plan.raw is not None:
                code_modules(plan.literal or plan.raw or "")
        except ValueError as error:
            raise ValueError(f"Visitor {plan.number} ({plan.kind}): {error}") from error


def main() -> int:
    """Read the opening from standard input, say `ready`, serve. A plan that can't be shown ends it with a sentence."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the judge ends the yard, not the terminal
    length = int.from_bytes(sys.stdin.buffer.read(4), "little")
    opening = msgspec.msgpack.decode(sys.stdin.buffer.read(length), type=Opening)
    try:
        check_plans(opening.config.plans)
    except ValueError as error:
        sys.stdout.write(f"{error}\n")
        return 2
    with Listener(opening.address, family="AF_UNIX", authkey=opening.authkey, backlog=8) as listener:
        yard = Yard(opening.config, listener, sys.stdin.fileno())
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        yard.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
