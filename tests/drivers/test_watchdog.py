"""The service manager's side is a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatefw.drivers.watchdog import Watchdog


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        yield bound


def heard(manager: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(manager.recv(4096).decode())
        except BlockingIOError:
            return said


@pytest.fixture
def environment(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    # sdnotify reads the process's own environment
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    return {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "10000000"}


def test_ready_status_and_stopping_reach_the_manager(manager: socket.socket, environment: dict[str, str]) -> None:
    with Watchdog.from_environment(environment) as watchdog:
        watchdog.ready()
        watchdog.status("serving gate a1")
        watchdog.stopping()
    assert heard(manager) == ["READY=1", "STATUS=serving gate a1", "STOPPING=1"]


def test_a_status_stays_one_line_of_ascii(manager: socket.socket, environment: dict[str, str]) -> None:
    with Watchdog.from_environment(environment) as watchdog:
        watchdog.status("门 open\nWATCHDOG=1")
    assert heard(manager) == ["STATUS=? open WATCHDOG=1"]


def test_beats_feed_at_most_three_times_an_interval() -> None:
    said: list[str] = []
    now_s = [0.0]
    watchdog = Watchdog(notify=said.append, interval_s=9.0, monotonic=lambda: now_s[0])
    for tick in range(900):
        now_s[0] = tick / 100
        watchdog.beat()
    assert said == ["WATCHDOG=1"] * 3


def test_without_a_beat_nothing_feeds(manager: socket.socket, environment: dict[str, str]) -> None:
    with Watchdog.from_environment(environment) as watchdog:
        watchdog.ready()
        watchdog.status("no step was completed")
        assert "WATCHDOG=1" not in heard(manager)
        watchdog.beat()
        assert heard(manager) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)},
    ],
)
def test_nobody_is_fed_who_did_not_ask_this_process(
    manager: socket.socket, environment: dict[str, str], asked: dict[str, str]
) -> None:
    with Watchdog.from_environment({"NOTIFY_SOCKET": environment["NOTIFY_SOCKET"], **asked}) as watchdog:
        watchdog.beat()
    assert heard(manager) == []


def test_the_interval_counts_when_it_is_meant_for_this_process(
    manager: socket.socket, environment: dict[str, str]
) -> None:
    with Watchdog.from_environment({**environment, "WATCHDOG_PID": str(os.getpid())}) as watchdog:
        watchdog.beat()
    assert heard(manager) == ["WATCHDOG=1"]


def test_without_a_service_manager_every_call_is_quiet() -> None:
    watchdog = Watchdog.from_environment({"WATCHDOG_USEC": "1000000"})
    watchdog.ready()
    watchdog.beat()
    watchdog.status("alone")
    watchdog.stopping()


def test_a_manager_that_does_not_read_never_stops_the_loop(manager: socket.socket, environment: dict[str, str]) -> None:
    with Watchdog.from_environment(environment) as watchdog:
        for _ in range(10_000):
            watchdog.ready()
        assert len(heard(manager)) < 10_000


def test_a_closed_watchdog_may_be_closed_and_fed_again(environment: dict[str, str]) -> None:
    watchdog = Watchdog.from_environment(environment)
    watchdog.close()
    watchdog.close()
    watchdog.beat()
