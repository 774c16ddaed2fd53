"""The reader outlives whatever happens in its worker: crash, hang, busy loop, lies."""

import functools
import math
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from gatefw.drivers.reader import wire
from gatefw.drivers.reader.reader import CRASHES_PAUSE_S, LONGEST_PAUSE_S, Reader
from gatefw.errors import DeviceFault
from gatefw.model import Device, DeviceFailed, DeviceReady, FrameRead
from gatefw.simulation.camera import open_simulated
from gatefw.simulation.scene import Phone, Scene

sys.path.append(str(Path(__file__).parent))  # a spawned worker is given the same path
import reader_cameras

TEXT = "JX1:6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDE+S"
READY = DeviceReady(device=Device.READER)


def failed(fault: str) -> DeviceFailed:
    return DeviceFailed(device=Device.READER, fault=fault)


class Bench:
    """A reader, what it put, and a clock that only the test moves."""

    def __init__(self, open_camera: Callable[[], object], stall_s: float = 3.0, start_s: float = 10.0) -> None:
        self.seen: list[object] = []
        self.now_s = 100.0
        self.reader = Reader(
            open_camera=open_camera,
            put=self.seen.append,
            monotonic=lambda: self.now_s,
            stall_s=stall_s,
            start_s=start_s,
        )

    def poll(self, times: int = 1) -> None:
        for _ in range(times):
            self.reader.poll()

    def again(self) -> None:
        self.now_s += LONGEST_PAUSE_S + CRASHES_PAUSE_S
        self.poll()

    @property
    def states(self) -> list[object]:
        return [seen for seen in self.seen if not isinstance(seen, FrameRead)]


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(open_camera: Callable[[], object], **limits: float) -> Bench:
        made.append(Bench(open_camera, **limits))
        return made[-1]

    yield make
    for each in made:
        each.reader.close()


def bad(kind: str, sound: int = 1) -> Callable[[], object]:
    return functools.partial(reader_cameras.open_bad, kind, sound)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_frame_with_a_phone_comes_back_as_one_scan(bench):
    scene = Scene(phones=(Phone(text=TEXT),))
    b = bench(functools.partial(reader_cameras.open_scene, scene))
    b.poll()
    ready, read = b.seen
    assert ready == READY
    assert [scan.text for scan in read.scans] == [TEXT]
    assert read.captured_s == 12.5
    assert read.decode_s > 0


def test_one_poll_is_one_frame(bench):
    b = bench(bad("hang", sound=9))
    b.poll(4)
    assert [seen.number for seen in b.seen[1:]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("kind", "fault", "stall_s"),
    [
        ("crash", "decoder_crash", 3.0),
        ("hang", "camera_stall", 0.4),
        ("endless_decode", "decoder_timeout", 0.4),
        ("camera_missing", "camera_missing", 3.0),
        ("not_a_number", "decoder_crash", 3.0),
        ("eats_memory", "decoder_crash", 3.0),
    ],
)
def test_each_way_to_fail_has_its_name_and_the_next_worker_serves_again(bench, kind, fault, stall_s, capfd):
    b = bench(bad(kind), stall_s=stall_s)
    b.poll(2)
    assert b.states == [READY, failed(fault)]
    assert b.reader.worker_pid is None
    b.again()
    assert b.states == [READY, failed(fault), READY]


def test_a_camera_that_gives_nothing_is_a_stall_although_the_worker_lives(bench):
    b = bench(bad("no_frames"), stall_s=3.0)
    b.poll(3)
    assert b.states == [READY]
    b.now_s += 3.0
    b.poll()
    assert b.states == [READY, failed("camera_stall")]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_killed_worker_is_replaced(bench, sent):
    b = bench(bad("hang", sound=99))
    b.poll()
    pid = b.reader.worker_pid
    os.kill(pid, sent)
    b.poll()
    assert b.states == [READY, failed("decoder_crash")]
    assert gone(pid)
    b.again()
    assert b.states[-1] == READY
    assert b.reader.worker_pid != pid


def test_a_stopped_worker_is_killed_not_waited_for(bench):
    b = bench(bad("hang", sound=99), stall_s=0.3)
    b.poll()
    pid = b.reader.worker_pid
    os.kill(pid, signal.SIGSTOP)
    b.poll()
    assert b.states == [READY, failed("camera_stall")]
    assert gone(pid)


def test_no_camera_is_a_fault_said_once_and_costs_nothing_between_the_attempts(bench, tmp_path):
    nobody = functools.partial(
        open_simulated, address=str(tmp_path / "none"), authkey=b"k", width_px=64, height_px=48, fps=10
    )
    b = bench(nobody)
    b.poll()
    began = b.reader._next_try_s
    b.poll(1000)
    assert b.reader._next_try_s == began
    b.again()
    assert b.states == [failed("camera_missing")]


def test_a_reader_that_crashes_again_and_again_waits_longer(bench):
    b = bench(bad("crash", sound=0))
    pauses = []
    for _ in range(5):
        b.poll()
        pauses.append(b.reader._next_try_s - b.now_s)
        b.now_s = b.reader._next_try_s
    assert pauses == [0.25, 0.5, 1.0, 2.0, CRASHES_PAUSE_S]
    assert b.states == [failed("decoder_crash")]


def test_many_restarts_leave_no_descriptor_and_no_process_behind(bench):
    b = bench(bad("camera_missing"))
    b.poll(2)
    before, pids = open_files(), []
    for _ in range(3):
        b.again()
        pids.append(b.reader.worker_pid)
        b.poll()
    assert open_files() == before
    assert all(gone(pid) for pid in pids)


def test_close_ends_a_thread_that_waits_for_a_hanging_camera_at_once():
    arrived = threading.Event()
    reader = Reader(
        open_camera=bad("hang"), put=lambda seen: arrived.set(), monotonic=lambda: 0.0, stall_s=600.0, start_s=600.0
    )
    reader.start()
    assert arrived.wait(30)
    pid = reader.worker_pid
    reader.close()
    reader.close()
    assert gone(pid)
    reader.poll()
    assert reader.worker_pid is None


PARENT = """
import functools, sys
import reader_cameras
from gatefw.drivers.reader.reader import Reader

if __name__ == "__main__":
    camera = functools.partial(reader_cameras.open_bad, "hang", 1)
    reader = Reader(open_camera=camera, put=lambda seen: None, monotonic=lambda: 0.0, stall_s=600.0)
    reader.poll()
    print(reader.worker_pid, flush=True)
    reader.poll()
"""


def test_a_hanging_worker_does_not_outlive_a_parent_killed_by_force(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    ) as parent:
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ended, _, _ = select.select([worker], [], [], 10)
        os.close(worker)
    assert ended


# ---------------------------------------------------------------- what a worker that was taken over could send


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(5)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize(
    "datagram",
    [
        b"\xff",
        b"\x80",
        os.urandom(1000),
        msgspec.msgpack.encode({"type": "done", "frame": {"number": "one"}}),
        msgspec.msgpack.encode({"type": "launch"}),
    ],
)
def test_what_no_sound_worker_sends_is_a_fault(ends, datagram):
    ours, theirs = ends
    theirs.send(datagram)
    with pytest.raises(DeviceFault):
        wire.receive(ours)


def test_a_message_beyond_the_limit_is_refused_for_its_length(ends):
    ours, theirs = ends
    wire.send(theirs, wire.Failed(code="camera_missing", sentence="x" * wire.MESSAGE_LIMIT_BYTES))
    with pytest.raises(DeviceFault, match="more than any frame"):
        wire.receive(ours)


@pytest.mark.parametrize("bad_s", [math.nan, math.inf])
def test_a_time_that_is_no_number_is_a_fault(ends, bad_s):
    ours, theirs = ends
    frame = FrameRead(number=1, captured_s=bad_s, handed_s=0.0, scans=(), glimpsed=False, decode_s=0.0)
    wire.send(theirs, wire.Done(frame=frame))
    with pytest.raises(DeviceFault):
        wire.receive(ours)


def test_a_message_arrives_as_it_was_sent_and_the_end_as_none(ends):
    ours, theirs = ends
    wire.send(theirs, wire.Failed(code="camera_missing", sentence="No camera."))
    theirs.shutdown(socket.SHUT_WR)
    assert wire.receive(ours) == wire.Failed(code="camera_missing", sentence="No camera.")
    assert wire.receive(ours) is None


def test_a_worker_that_cannot_be_started_is_a_fault_and_is_tried_again(bench):
    b = bench(bad("hang", sound=9))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), hard))
    try:
        b.poll()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert b.seen == [failed("decoder_start")]
    b.again()
    assert b.seen[1] == READY


def test_the_gate_is_told_before_the_worker_is_buried(bench):
    # a process that hangs in the kernel can't be reaped: whoever waits for that first tells nobody
    b = bench(bad("hang"), stall_s=0.3)
    b.poll()
    alive: list[bool] = []
    b.reader._put = lambda told: alive.append(b.reader.worker_pid is not None)
    b.poll()
    assert alive == [True]


def test_an_error_that_nobody_foresaw_is_a_fault_of_the_reader(bench):
    b = bench(lambda: None)  # can't be pickled
    b.poll()
    assert b.seen == [failed("reader_error")]
