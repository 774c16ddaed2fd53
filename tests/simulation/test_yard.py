"""The yard as a process: its channels, its two clocks, and what it sees of a gate that dies."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path

import numpy as np
import pytest
import zxingcpp

from gatefw.errors import DeviceFault, SettingsError
from gatefw.simulation.report import Happening, Switch
from gatefw.simulation.visitors import Code, VisitorPlan
from gatefw.simulation.wiring import Edge, Wiring
from gatefw.simulation.yardlink import YardProcess, connect, start_yard
from gatefw.simulation.yardwords import ENCODER, FRAME_HEADER, Mode, Opening, YardConfig

WIRING = Wiring()
STARTS_UTC = 1_600_000_000.0
TEXT = "JX1:" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 $%*+-./:" * 7
PLAN = VisitorPlan(number=1, kind="literal", expected="refused", code=Code.LITERAL, literal=TEXT)
LIFE_S = 20.0


def config(*plans: VisitorPlan, mode: Mode = Mode.LOCKSTEP, **more: object) -> YardConfig:
    return YardConfig(
        mode=mode,
        plans=plans,
        starts_utc=STARTS_UTC,
        starts_s=time.monotonic() if mode is Mode.LIVE else 0.0,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def lockstep() -> Iterator[YardProcess]:
    with start_yard(config(PLAN)) as yard:
        yield yard


@pytest.fixture
def live() -> Iterator[YardProcess]:
    with start_yard(config(mode=Mode.LIVE, fps=50.0)) as yard:
        yield yard


def camera(yard: YardProcess) -> Connection:
    channel = connect(yard.camera_address, yard.authkey)
    channel.send_bytes(b"camera")
    return channel


def frame(channel: Connection) -> tuple[np.ndarray, float]:
    channel.send_bytes(b"frame")
    assert channel.poll(LIFE_S), "the camera gave no frame"
    answer = channel.recv_bytes()
    width, height, captured_s = FRAME_HEADER.unpack_from(answer)
    return np.frombuffer(answer[FRAME_HEADER.size :], np.uint8).reshape(height, width), captured_s


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Poll a real process until something holds; the bound is for a broken one only."""
    end_s = time.monotonic() + LIFE_S
    while not holds():
        assert time.monotonic() < end_s, what
        select.select([], [], [], 0.01)


def invite(yard: YardProcess, seconds: float) -> None:
    pins = yard.pins()
    pins.write(WIRING.ring, 1.0)
    end_s = yard.advance(0.0)[0] + seconds
    while yard.advance(end_s)[0] < end_s:
        pass


# ---------------------------------------------------------------- lockstep


def test_lockstep_time_moves_only_when_told(lockstep: YardProcess) -> None:
    assert lockstep.advance(0.0) == (0.0, ())
    channel = camera(lockstep)
    assert frame(channel)[1] == 0.0
    assert lockstep.advance(1.25) == (1.25, ())
    assert frame(channel)[1] == 1.25


def test_pin_writes_are_seen_before_the_time_that_follows() -> None:
    with start_yard(config()) as yard:
        pins = yard.pins()
        for beat in range(400):
            pins.write(WIRING.heartbeat, float(beat % 2))
            pins.write(WIRING.relay, 1.0)
            yard.advance(beat * 0.02)
        pins.write(WIRING.relay, 0.0)
        yard.advance(400 * 0.02)
        (line,) = yard.report().relay_line
        assert (line.on_s, line.off_s) == (0.0, pytest.approx(399 * 0.02))


def test_contacts_reach_the_lines_by_advance() -> None:
    happenings = (Happening(after_s=1.0, switch=Switch.TAMPER, on=True),)
    with start_yard(config(happenings=happenings)) as yard:
        pins = yard.pins()
        assert pins.levels == {5: True, 6: False, 13: False, 19: True, 26: True}
        seen: list[tuple[int, bool]] = []
        pins.on_edge = lambda pin, high: seen.append((pin, high))
        now_s, edges = yard.advance(5.0)
        assert (now_s, edges) == (1.0, (Edge(WIRING.tamper or 0, True),))
        pins.deliver(edges)
        assert seen == [(WIRING.tamper, True)]


def test_frames_of_the_yard_are_read_by_a_real_decoder(lockstep: YardProcess) -> None:
    invite(lockstep, 5.0)
    luma, _ = frame(camera(lockstep))
    (code,) = zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode)
    assert code.text == TEXT


def test_blanked_frames_hold_no_code(lockstep: YardProcess) -> None:
    invite(lockstep, 5.0)
    lockstep.switch(Switch.BLANK_FRAMES, on=True)
    luma, _ = frame(camera(lockstep))
    assert zxingcpp.read_barcodes(luma) == []


def test_stalled_camera_answers_when_it_recovers(lockstep: YardProcess) -> None:
    channel = camera(lockstep)
    frame(channel)
    lockstep.switch(Switch.CAMERA_STALL, on=True)
    channel.send_bytes(b"frame")
    for until_s in (0.0, 0.0, 1.0):  # the first two let the yard take note of the request
        lockstep.advance(until_s)
    lockstep.switch(Switch.CAMERA_STALL, on=False)
    assert channel.poll(LIFE_S)
    assert FRAME_HEADER.unpack_from(channel.recv_bytes()) == (640, 480, 1.0)


def test_thermometer_is_told_the_truth_of_the_moment(lockstep: YardProcess) -> None:
    sense = lockstep.sense()
    assert sense().object_c == pytest.approx(22.2, abs=0.01)
    invite(lockstep, 5.0)
    seen = sense()
    assert (seen.object_c, seen.fault, seen.at_s) == (PLAN.forehead_c, None, 5.0)
    assert seen.ambient_c == pytest.approx(22.0, abs=0.01)


def test_glance_shows_the_visitor_and_a_small_picture(lockstep: YardProcess) -> None:
    invite(lockstep, 5.0)
    frame(camera(lockstep))
    glance = lockstep.glance()
    assert (glance.visitor, glance.kind, glance.stage) == (1, "literal", "at_reader")
    assert (glance.width_px, glance.height_px) == (80, 60)
    assert len(glance.thumbnail) == 80 * 60
    assert glance.lamps["ring"] == 1.0


def test_same_seed_gives_the_same_frames_and_report() -> None:
    def run(seed: int) -> tuple[bytes, object]:
        with start_yard(config(PLAN, seed=seed)) as yard:
            invite(yard, 3.0)
            return frame(camera(yard))[0].tobytes(), yard.report()

    first, again, other = run(7), run(7), run(8)
    assert first == again
    assert first[0] != other[0]


def test_yard_tells_when_everyone_has_left(lockstep: YardProcess) -> None:
    assert not lockstep.everyone_left
    invite(lockstep, 40.0)
    assert lockstep.everyone_left


def test_lines_fall_when_their_owner_closes_them(lockstep: YardProcess) -> None:
    pins = lockstep.pins()
    pins.write(WIRING.relay, 1.0)
    lockstep.advance(1.0)
    pins.close()
    eventually(lambda: lockstep.report().relay_line[-1].off_s is not None, "the relay line stays high")


def test_next_daemon_takes_the_lines_over(lockstep: YardProcess) -> None:
    first = lockstep.pins()
    for beat in range(500):
        first.write(WIRING.heartbeat, float(beat % 2))
    first.close()
    pins = lockstep.pins()
    for tick in range(200):
        for _ in range(5):
            pins.write(WIRING.heartbeat, float(tick % 2))
        pins.write(WIRING.green, float(tick % 2))
        lockstep.advance(float(tick + 1))
    lit = lockstep.report().lamps
    assert [(seen.at_s, seen.lamps) for seen in lit[:2]] == [(1.0, (("green", 1.0),)), (2.0, ())]
    assert len(lit) == 199


# ---------------------------------------------------------------- who may come, and how it ends


def test_wrong_key_gets_no_line(lockstep: YardProcess) -> None:
    with pytest.raises((AuthenticationError, OSError)):
        Client(lockstep.camera_address, family="AF_UNIX", authkey=b"guess")
    assert lockstep.advance(1.0) == (1.0, ())


def test_nonsense_from_a_client_stops_nobody(lockstep: YardProcess) -> None:
    for words in (b"", b"tea", b"camera"):
        channel = connect(lockstep.camera_address, lockstep.authkey)
        channel.send_bytes(words)
        with contextlib.suppress(BrokenPipeError):  # it may have been shown the door already
            channel.send_bytes(b"\xff" * 100)
    stray = connect(lockstep.camera_address, lockstep.authkey)
    stray.send_bytes(b"control")
    stray.send_bytes(b"\xc1\xff")
    assert stray.poll(LIFE_S)
    with pytest.raises(EOFError):
        stray.recv_bytes()
    assert lockstep.advance(1.0) == (1.0, ())


def test_code_that_no_phone_can_show_is_refused_by_name() -> None:
    plan = VisitorPlan(number=4, kind="huge", expected="refused", code=Code.LITERAL, literal="a" * 3000)
    with pytest.raises(SettingsError, match=r"Visitor 4 \(huge\): .*shorten"):
        start_yard(config(plan))


def test_picture_that_is_none_is_refused_by_name() -> None:
    plan = VisitorPlan(number=2, kind="odd", expected="refused", code=Code.PICTURE, raw=b"not a picture")
    with pytest.raises(SettingsError, match=r"Visitor 2 \(odd\): .*no readable PNG or JPEG"):
        start_yard(config(plan))


def test_yard_ends_with_its_judge() -> None:
    script = (
        "from gatefw.simulation.yardlink import start_yard\n"
        "from gatefw.simulation.yardwords import Mode, YardConfig\n"
        "yard = start_yard(YardConfig(mode=Mode.LOCKSTEP, plans=(), starts_utc=0.0))\n"
        "print(yard.pid, flush=True)\n"
        "input()\n"
    )
    judge = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with judge:
        assert judge.stdout
        pid = int(judge.stdout.readline())
        assert alive(pid)
        judge.kill()
    eventually(lambda: not alive(pid), "the yard outlives its judge")


def test_yard_ends_with_a_judge_who_never_came(tmp_path: Path) -> None:
    opening = Opening(config=config(), address=str(tmp_path / "yard"), authkey=b"key")
    message = ENCODER.encode(opening)
    words = [sys.executable, "-m", "gatefw.simulation.yard"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(len(message).to_bytes(4, "little") + message)
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()
        assert process.wait(LIFE_S) == 0


def test_yard_that_was_killed_is_a_fault_in_words(lockstep: YardProcess) -> None:
    os.kill(lockstep.pid, signal.SIGKILL)
    with pytest.raises(DeviceFault, match="yard has ended"):
        lockstep.advance(1.0)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] != "Z"


# ---------------------------------------------------------------- live

DAEMON = """
import sys, time
from gatefw.simulation.yardlink import connect_pins
pins = connect_pins(sys.argv[1], bytes.fromhex(sys.argv[2]), 5)
pins.write(17, 1.0)
level = 0.0
print("on", flush=True)
while True:
    level = 1.0 - level
    pins.write(27, level)
    time.sleep(0.02)
"""


@pytest.fixture
def daemon(live: YardProcess) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the relay and beats its heart, and the yard sees the coil pulled in."""
    words = [sys.executable, "-c", DAEMON, live.camera_address, live.authkey.hex()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "on\n"
        eventually(lambda: live.glance().coil, "the coil never pulled in")
        yield process
        process.kill()


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_coil_drops_when_its_daemon_is_killed_or_stopped(
    live: YardProcess, daemon: "subprocess.Popen[str]", blow: signal.Signals
) -> None:
    assert live.report().coil[-1].off_s is None
    daemon.send_signal(blow)
    eventually(lambda: live.report().coil[-1].off_s is not None, "the coil stays on")
    line = live.report().relay_line[-1]
    assert (line.off_s is not None) is (blow is signal.SIGKILL)


def test_live_contacts_are_pushed_to_the_lines(live: YardProcess) -> None:
    pins = live.pins()
    seen: list[tuple[int, bool]] = []
    pins.on_edge = lambda pin, high: seen.append((pin, high))
    pins.listen()
    live.switch(Switch.TAMPER, on=True)
    eventually(lambda: bool(seen), "no contact came")
    assert seen == [(WIRING.tamper, True)]


def test_live_frames_come_at_the_cameras_pace(live: YardProcess) -> None:
    channel = camera(live)
    captured_s = [frame(channel)[1] for _ in range(6)]
    gaps_s = np.diff(captured_s)
    assert gaps_s.min() >= 1 / 50.0 - 1e-6
    assert live.config.starts_s <= captured_s[0] <= time.monotonic()


def test_camera_that_stops_reading_holds_up_nobody_else(live: YardProcess) -> None:
    deaf = camera(live)
    for _ in range(20):
        deaf.send_bytes(b"frame")
    pins = live.pins()
    pins.write(WIRING.green, 1.0)
    eventually(lambda: bool(live.report().lamps), "the yard stands still")
    assert frame(camera(live))[0].shape == (480, 640)
