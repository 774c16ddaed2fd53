"""systemd/gatefw.service: what systemd itself says of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "gatefw.service"

EXPOSURE_LIMIT = 1.9
"""systemd's own score (0 best, 10 worst), as reached. 0.6 of it is that reading adjtimex(2) is allowed."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (apt: systemd)"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    # verify looks for the program, which stands in /opt on a gate only.
    text = UNIT.read_text(encoding="utf-8")
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE), encoding="utf-8")
    return copy


def analyse(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_no_fault_in_the_unit(unit: Path) -> None:
    # It exits 0 on keys that it does not know; only its stderr tells.
    said = analyse("verify", str(unit))
    assert (said.returncode, said.stderr) == (0, "")


@needs_systemd
def test_the_sandbox_is_as_tight_as_it_was(unit: Path) -> None:
    said = analyse("security", "--offline=true", "--no-pager", str(unit))
    score = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert score is not None, said.stderr
    assert float(score[1]) <= EXPOSURE_LIMIT


def service() -> dict[str, list[str]]:
    options: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            options.setdefault(key, []).append(value)
    return options


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("Type", ["notify"]),
        ("Restart", ["always"]),
        ("RestartPreventExitStatus", ["78"]),
        ("User", ["gatefw"]),
        ("StateDirectory", ["gatefw"]),
        ("WatchdogSec", ["5"]),
        # Under ProtectClock= the daemon could not ask whether its clock is right, and would admit nobody.
        ("ProtectClock", []),
    ],
)
def test_the_unit_says_what_the_daemon_relies_on(key: str, values: list[str]) -> None:
    assert service().get(key, []) == values


def test_the_devices_that_a_gate_needs_are_left_open() -> None:
    allowed = {value.split()[0] for value in service()["DeviceAllow"]}
    assert allowed >= {"char-gpiochip", "char-i2c", "char-video4linux", "char-media", "char-dma_heap"}
    assert set(service()["SupplementaryGroups"][0].split()) == {"gpio", "i2c", "video"}
