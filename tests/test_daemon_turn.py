"""One turn of the loop: what it makes of a frame that lay waiting while the loop stood still."""

import pytest

from gatefw.credentials.trust import TrustStore
from gatefw.daemon import FRAME_AGE_S, Daemon, Devices, Known, Turned
from gatefw.decision import gate
from gatefw.decision.state import Rules
from gatefw.model import CodeScanned, Decoder, Device, FrameRead, Input, Instant, Record, Report, Scan, Signal, Ticked
from gatefw.ports import Observation

NOW_S = 1000.0


class Board:
    """Clock, queue, recorder, barrier, lamps and watchdog of a gate on a desk: time stands still, nothing moves."""

    def __init__(self, waiting: list[Observation]) -> None:
        self.waiting = waiting
        self.jobs: list[Record | Report] = []
        self.relay = False

    def now(self) -> Instant:
        return Instant(mono_s=NOW_S, wall_utc=1584259200.0, uncertainty_s=0.1, trusted=True)

    def put(self, observation: Observation) -> None:
        self.waiting.append(observation)

    def get(self, until_s: float) -> Observation | None:
        return self.waiting.pop(0) if self.waiting else None

    def submit(self, job: Record | Report) -> None:
        self.jobs.append(job)

    def release(self, hold_s: float) -> None:
        self.relay = True

    def withdraw(self) -> None:
        self.relay = False

    def free_egress(self) -> None:
        self.relay = True

    def show(self, signal: Signal, at_s: float) -> None:
        self.signal = signal

    def refresh(self, at_s: float) -> None:
        self.refreshed_s = at_s

    def beat(self) -> None:
        self.beaten = True

    def ready(self) -> None:
        self.serves = True


def taken(frame: FrameRead) -> Input:
    board = Board([frame])
    turns: list[Turned] = []
    devices = Devices(clock=board, inbox=board, recorder=board, barrier=board, indicator=board, watchdog=board)
    known = Known(rules=Rules(), trust=TrustStore.from_certificates({}), site_secret=bytes(32))
    begin = gate.start(board.now(), frozenset({Device.READER}))
    Daemon(devices=devices, known=known, begin=begin, watch=turns.append).turn()
    (turned,) = turns
    return turned.input


@pytest.mark.parametrize(("age_s", "kind"), [(0.3, CodeScanned), (FRAME_AGE_S + 0.1, Ticked), (60.0, Ticked)])
def test_a_code_counts_only_while_its_frame_is_fresh(age_s: float, kind: type[Input]) -> None:
    scan = Scan(text="https://example.org/", decoder=Decoder.ZXING, inverted=False)
    captured_s = NOW_S - age_s
    frame = FrameRead(
        number=1, captured_s=captured_s, handed_s=captured_s, scans=(scan,), glimpsed=False, decode_s=0.01
    )
    assert type(taken(frame)) is kind
