"""`gatefw simulate` as a program: what it prints, what it answers, and what is left of it when it is ended."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from gatefw import settings
from gatefw.simulation import account
from gatefw.simulation.broker import Broker
from gatefw.simulation.rehearsal import Play, rehearse
from gatefw.simulation.subscriber import Subscriber
from gatefw.simulation.visitors import draw_plans

GATEFW: Final = (sys.executable, "-m", "gatefw", "simulate")
VISITOR_KEYS: Final = ["visitor", "kind", "expected", "verdict", "reason", "scan_to_relay_ms"]
SUMMARY_KEYS: Final = [
    "visitors", "as_expected", "events_sent", "events_received", "missing", "duplicates", "redelivered",
]  # fmt: skip
VERDICTS: Final = {"admitted", "refused", "assist"}
LONG_S: Final = 300.0
SOON_S: Final = 20.0


def simulate(*args: str, within_s: float = LONG_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GATEFW, *args], capture_output=True, text=True, check=False, timeout=within_s, stdin=subprocess.DEVNULL
    )


def objects(said: subprocess.CompletedProcess[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every line of stdout is an object: the visitors', and last the summary."""
    *visitors, last = [json.loads(line) for line in said.stdout.splitlines()]
    assert list(last) == ["summary"]
    return visitors, last["summary"]


def without_times(text: str) -> str:
    return re.sub(r'("\w+_ms": )[^,}]+', r"\1-", text)


def test_two_hundred_visitors_are_treated_as_expected_and_ops_know_all_of_it() -> None:
    said = simulate("--visitors", "200", "--seed", "7", "--json")
    visitors, summary = objects(said)
    assert (said.returncode, said.stderr) == (0, "")
    assert [list(each) for each in visitors] == [VISITOR_KEYS] * 200
    assert list(summary) == SUMMARY_KEYS
    assert [each["visitor"] for each in visitors] == list(range(1, 201))
    assert {each["verdict"] for each in visitors} == {each["expected"] for each in visitors} == VERDICTS
    assert [each for each in visitors if each["verdict"] != each["expected"]] == []
    assert len({each["kind"] for each in visitors}) >= 6
    assert (summary["visitors"], summary["as_expected"]) == (200, 200)
    assert (summary["missing"], summary["duplicates"]) == (0, 0)
    assert summary["events_received"] == summary["events_sent"] > 200
    took = [each["scan_to_relay_ms"] for each in visitors if each["scan_to_relay_ms"] is not None]
    assert took
    assert all(ms > 0 for ms in took)


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    runs = (("24", "3"), ("24", "3"), ("12", "4"))
    first, again, other = (simulate("--visitors", count, "--seed", seed, "--json").stdout for count, seed in runs)
    assert without_times(first) == without_times(again)
    assert first.count("\n") == 25
    assert without_times(first).splitlines()[:12] != without_times(other).splitlines()[:12]


def test_with_the_camera_covered_nobody_is_admitted() -> None:
    said = simulate("--visitors", "12", "--seed", "7", "--blank-frames", "--json")
    visitors, summary = objects(said)
    assert said.returncode == 1
    assert "admitted" not in {each["verdict"] for each in visitors}
    assert summary["as_expected"] < summary["visitors"] == 12


def test_with_the_camera_covered_the_relay_never_moves() -> None:
    play = Play(plans=draw_plans(8, 7), seed=7, settings=settings.defaults(), blank_frames=True)
    outcome = rehearse(play)
    assert (outcome.report.relay_line, outcome.report.coil) == ((), ())
    assert not [event for event in account.events(outcome) if event.kind == "granted"]


def test_the_same_visitors_with_the_camera_open_move_it() -> None:
    outcome = rehearse(Play(plans=draw_plans(8, 7), seed=7, settings=settings.defaults()))
    assert outcome.report.relay_line


# ---------------------------------------------------------------- the broker


def test_events_go_to_the_broker_that_was_named_and_two_at_once_do_not_disturb_each_other() -> None:
    with Broker() as broker, Subscriber(broker.host, broker.port) as ops:
        args = [*GATEFW, "--visitors", "3", "--json", "--broker", f"mqtt://{broker.host}:{broker.port}"]
        pair = [subprocess.Popen(args, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [each.communicate(timeout=LONG_S)[0] for each in pair]
        sent = [json.loads(text.splitlines()[-1])["summary"]["events_sent"] for text in said]
        assert [each.returncode for each in pair] == [0, 0]
        assert ops.wait_for(sum(sent), SOON_S)
        assert len({heard.topic.split("/")[2] for heard in ops.heard}) == 2


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1:1", "127.0.0.1:1", "mqtt://no-such-host.invalid"])
def test_a_broker_that_is_not_there_is_one_sentence(url: str) -> None:
    said = simulate("--visitors", "1", "--broker", url, within_s=60.0)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (69, "", 1)
    assert "No broker at" in said.stderr


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--visitors", "0"), "--visitors"),
        (("--visitors", "-1"), "--visitors"),
        (("--visitors", "1000000000"), "--visitors"),
        (("--visitors", "abc"), "--visitors"),
        (("--visitors", "1e9"), "--visitors"),
        (("--seed", "-1"), "--seed"),
        (("--seed", "99999999999999999999999"), "--seed"),
        (("--broker", "http://127.0.0.1"), "--broker"),
        (("--broker", ""), "--broker"),
        (("--broker", "mqtt://127.0.0.1:99999"), "--broker"),
        (("--broker", "mqtt://user:word@127.0.0.1"), "--broker"),
        (("--picture", "x.svg"), "--picture"),
    ],
)
def test_what_can_t_be_meant_is_refused_before_anything_starts(args: tuple[str, ...], named: str) -> None:
    said = simulate(*args, within_s=SOON_S)
    assert (said.returncode, said.stdout) == (2, "")
    assert named in said.stderr.splitlines()[-1]
    assert "Traceback" not in said.stderr


# ---------------------------------------------------------------- the end


def children(pid: int) -> set[int]:
    """All processes below this one."""
    try:
        names = [int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in _children_of(task)]
    except FileNotFoundError:
        return set()
    return set(names).union(*(children(name) for name in names))


def _children_of(task: Path) -> list[str]:
    return (task / "children").read_text(encoding="ascii").split()


def lives(pid: int) -> bool:
    """Still there, and not only waiting for somebody to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_none(pids: set[int]) -> set[int]:
    deadline_s = time.monotonic() + SOON_S
    while (left := {pid for pid in pids if lives(pid)}) and time.monotonic() < deadline_s:
        threading.Event().wait(0.05)
    return left


def reads_codes(pid: int) -> bool:
    """The reader's worker, past its start: whose parent dies before that has multiprocessing complain."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"spawn_main" in command and b"zxingcpp" in Path(f"/proc/{pid}/maps").read_bytes()
    except OSError:
        return False


@contextmanager
def under_way(*args: str) -> Iterator[tuple["subprocess.Popen[str]", set[int]]]:
    """A rehearsal with all its processes: broker, yard, reader's worker, and multiprocessing's own."""
    process = subprocess.Popen(
        [*GATEFW, "--visitors", "60", "--json", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        deadline_s = time.monotonic() + SOON_S
        while len(below := children(process.pid)) < 4 or not any(reads_codes(pid) for pid in below):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            threading.Event().wait(0.05)
        yield process, below
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("mode", [(), ("--live",)], ids=["lockstep", "live"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=str
)
def test_nothing_is_left_of_a_rehearsal_that_is_ended(number: int, code: int, mode: tuple[str, ...]) -> None:
    with under_way(*mode) as (process, below):
        process.send_signal(number)
        _, errors = process.communicate(timeout=SOON_S)
        assert process.returncode == code
        assert "Traceback" not in errors
        assert wait_for_none(below) == set()


def test_ctrl_c_reaches_every_process_of_a_terminal_and_still_ends_quietly() -> None:
    with under_way() as (process, below):
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=SOON_S)
        assert (process.returncode, out) == (130, "")
        assert "Traceback" not in errors
        assert wait_for_none(below) == set()
