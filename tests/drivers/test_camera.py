"""The driver's camera over the simulated Picamera2, and that one against the real package's interface."""

import ast
import importlib.util
import inspect
import multiprocessing.connection
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from gatefw.drivers.reader.camera import APT_LINE, BUFFERS, Camera, open_picamera2
from gatefw.errors import DeviceFault
from gatefw.simulation import yardwords
from gatefw.simulation.camera import (
    CHANNEL,
    FRAME_HEADER,
    NEXT_FRAME,
    PADDING_LUMA,
    SimulatedPicamera2,
    SimulatedRequest,
    open_simulated,
)

WIDTH, HEIGHT = 50, 20
LUMA = bytes(range(WIDTH)) * HEIGHT

PICAMERA2_0_3_38 = {
    "create_video_configuration": [
        "main", "lores", "raw", "transform", "colour_space", "buffer_count", "controls", "display", "encode",
        "queue", "sensor", "use_case",
    ],
    "configure": ["camera_config"],
    "stream_configuration": ["name"],
    "start": ["config", "show_preview"],
    "capture_request": ["wait", "signal_function", "flush"],
    "wait": ["job", "timeout"],
}  # fmt: skip
"""Parameters of the methods used, as in the source of picamera2 0.3.38 (picamera2.py)."""
COMPLETED_REQUEST_0_3_38 = {"make_buffer": ["name"], "get_metadata": [], "release": []}
"""The same of its CompletedRequest (request.py)."""


def device(source=lambda: (LUMA, 3.25)) -> SimulatedPicamera2:
    return SimulatedPicamera2(source)


def camera(over: SimulatedPicamera2) -> Camera:
    return Camera(over, width_px=WIDTH, height_px=HEIGHT, fps=10)


def parameters(method: object) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name != "self"]


@pytest.mark.parametrize(
    ("kind", "table"), [(SimulatedPicamera2, PICAMERA2_0_3_38), (SimulatedRequest, COMPLETED_REQUEST_0_3_38)]
)
def test_the_simulated_camera_is_called_as_the_real_one(kind, table):
    assert {name: parameters(getattr(kind, name)) for name in table} == table


def real_source() -> Path:
    """The folder of picamera2's source: $GATEFW_PICAMERA2, or where it is installed."""
    named, found = os.environ.get("GATEFW_PICAMERA2"), importlib.util.find_spec("picamera2")
    if named:
        return Path(named)
    if found is None or found.origin is None:
        pytest.skip("picamera2's source is not at hand (set GATEFW_PICAMERA2 to the folder with picamera2.py)")
    return Path(found.origin).parent


def written_parameters(source: Path, kind: str) -> dict[str, list[str]]:
    """Parameters by method, the last definition of each: earlier ones are overloads for type checkers."""
    (body,) = (
        node.body
        for node in ast.parse(source.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == kind
    )
    return {
        node.name: [each.arg for each in (*node.args.args, *node.args.kwonlyargs) if each.arg != "self"]
        for node in body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize(
    ("module", "kind", "table"),
    [
        ("picamera2.py", "Picamera2", PICAMERA2_0_3_38),
        ("request.py", "CompletedRequest", COMPLETED_REQUEST_0_3_38),
    ],
)
def test_the_table_is_what_the_real_package_says(module, kind, table):
    real = written_parameters(real_source() / module, kind)
    assert {name: real.get(name) for name in table} == table


def test_rows_are_cropped_of_their_padding():
    over = device()
    frame = camera(over).capture(1.0)
    assert over.stream_configuration()["stride"] > WIDTH
    assert (frame.width_px, frame.height_px, frame.luma) == (WIDTH, HEIGHT, LUMA)
    assert PADDING_LUMA not in frame.luma


def test_the_frame_carries_the_sensors_moment_and_a_number():
    taken = camera(device())
    assert [(frame.number, frame.captured_s) for frame in (taken.capture(1.0), taken.capture(1.0))] == [
        (1, 3.25), (2, 3.25),
    ]  # fmt: skip


def test_every_request_is_released():
    taken = camera(device())
    assert all(taken.capture(0.0) is not None for _ in range(5 * BUFFERS))


def test_a_frame_too_late_is_no_fault_and_no_buffer_is_lost(monkeypatch):
    over = device()
    taken = camera(over)
    waits = []

    def late(job, timeout=None):
        waits.append(job)
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(over, "wait", late)
        assert taken.capture(0.1) is None
        assert taken.capture(0.1) is None
    assert taken.capture(0.1).number == 1
    assert waits[0] is waits[1]


def test_the_configuration_asks_for_plain_luma_at_the_wanted_rate():
    over = device()
    camera(over)
    assert over.stream_configuration("main")["format"] == "YUV420"
    assert over._config["controls"]["FrameDurationLimits"] == (100_000, 100_000)
    assert over._config["queue"] is False


def test_a_source_that_breaks_is_a_camera_fault():
    def broken():
        raise OSError("gone")

    with pytest.raises(DeviceFault) as fault:
        camera(device(broken)).capture(1.0)
    assert fault.value.code == "camera_missing"


def test_releasing_twice_is_an_error_as_with_the_real_one():
    request = SimulatedRequest(LUMA, 0.0, {}, lambda: None)
    request.release()
    with pytest.raises(RuntimeError):
        request.release()


def test_without_picamera2_the_sentence_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(DeviceFault) as fault:
        open_picamera2(camera=0, width_px=640, height_px=480, fps=10)
    assert fault.value.code == "camera_missing"
    assert APT_LINE in str(fault.value)


# ---------------------------------------------------------------- frames from the yard


class Yard:
    """The other end of the camera's connection, in a thread."""

    def __init__(self, folder: Path, width: int, height: int, *, answers: int) -> None:
        self.address = str(folder / "yard")
        self.heard: list[bytes] = []
        self._listener = multiprocessing.connection.Listener(self.address, family="AF_UNIX", authkey=b"key")
        self._thread = threading.Thread(target=self._serve, args=(width, height, answers))
        self._thread.start()

    def _serve(self, width: int, height: int, answers: int) -> None:
        with self._listener.accept() as connection:
            self.heard.append(connection.recv_bytes())
            for _ in range(answers):
                self.heard.append(connection.recv_bytes())
                connection.send_bytes(FRAME_HEADER.pack(width, height, 7.5) + bytes(width * height))

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


def opened(yard: Yard) -> Camera:
    return open_simulated(address=yard.address, authkey=b"key", width_px=WIDTH, height_px=HEIGHT, fps=10)


def test_the_yards_frames_arrive_and_its_end_is_a_fault(tmp_path):
    yard = Yard(tmp_path, WIDTH, HEIGHT, answers=2)
    taken = opened(yard)
    assert [taken.capture(1.0).captured_s for _ in range(2)] == [7.5, 7.5]
    yard.close()
    assert yard.heard == [b"camera", b"frame", b"frame"]
    with pytest.raises(DeviceFault):
        taken.capture(1.0)


def test_a_yard_of_another_size_is_a_fault(tmp_path):
    yard = Yard(tmp_path, WIDTH // 2, HEIGHT, answers=1)
    with pytest.raises(DeviceFault, match=f"instead of {WIDTH} x {HEIGHT}"):
        opened(yard).capture(1.0)
    yard.close()


def test_nobody_there_is_a_missing_camera(tmp_path):
    with pytest.raises(DeviceFault) as fault:
        open_simulated(address=str(tmp_path / "none"), authkey=b"key", width_px=8, height_px=8, fps=10)
    assert fault.value.code == "camera_missing"


def test_the_yard_and_its_camera_mean_the_same_words():
    assert yardwords.FRAME_HEADER.format == FRAME_HEADER.format
    assert (yardwords.CAMERA, yardwords.NEXT_FRAME) == (CHANNEL, NEXT_FRAME)


def test_chroma_is_grey_and_the_buffer_whole():
    over = device()
    camera(over)
    buffer = over.capture_request(wait=1.0).make_buffer("main")
    assert buffer.size == over.stream_configuration()["stride"] * HEIGHT * 3 // 2
    assert np.all(buffer[-10:] == 128)
