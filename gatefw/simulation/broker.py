"""A real mosquitto of our own: temporary folder, a free port on the loopback, ended by its pid."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

from gatefw.errors import DeviceFault

READY_S: Final = 10.0

QUEUE_MESSAGES: Final = 1_000_000
"""Kept for a subscriber that is away. Never 0 (no bound): mosquitto 2.0.11 then drops whoever it denies a publish."""

_SEARCH: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class Broker:
    """mosquitto on 127.0.0.1, started on entering and ended on leaving. `extra` is added to its configuration.

    Keeps its port over `kill` and `start`, so that a client finds it again. Persistence is on: what it wrote down
    before a `kill -9` is there again.
    """

    def __init__(self, *, extra: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="gatefw-broker-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._config = self.folder / "mosquitto.conf"
        # mosquitto started by root drops to its own user, who can't enter a private folder: stay who we are.
        user = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text(
            f"listener {self.port} {self.host}\nallow_anonymous true\n{user}persistence true\n"
            f"persistence_location {self.folder}/\nlog_dest file {self.log}\n"
            f"max_queued_messages {QUEUE_MESSAGES}\n{extra}\n"
        )

    @property
    def log(self) -> Path:
        """What mosquitto says."""
        return self.folder / "mosquitto.log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start mosquitto and return when it accepts; DeviceFault when it is missing or doesn't."""
        program = shutil.which("mosquitto", path=_SEARCH)
        if program is None:
            raise DeviceFault("broker_missing", "mosquitto is not installed: run sudo apt install mosquitto.")
        quiet = subprocess.DEVNULL  # what it has to say is in its log
        # whoever kills us must not leave a broker behind
        bound = [setpriv, "--pdeathsig", "TERM"] if (setpriv := shutil.which("setpriv", path=_SEARCH)) else []
        self._process = subprocess.Popen([*bound, program, "-c", str(self._config)], stdin=quiet, stderr=quiet)
        deadline_s = time.monotonic() + READY_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise DeviceFault("broker_failed", f"mosquitto does not start: {self._last_words()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End mosquitto with SIGKILL, as a power cut of its machine would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End mosquitto and remove its folder; safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accepts(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), 1.0):
                return True
        except OSError:
            return False

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it says nothing."


def _free_port() -> int:
    """A port nobody has now. Another program may take it before mosquitto does; then `start` says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
