"""Who may import whom: each contract of pyproject.toml can fail."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"

# One forbidden import for each contract, and the file where it is planted.
PLANTED = {
    "Floors": ("errors.py", "gatefw.model"),
    "Drivers are independent": ("drivers/watchdog.py", "gatefw.drivers.clock"),
    "Drivers know no rule": ("drivers/clock.py", "gatefw.settings"),
    "Telemetry and the store": ("telemetry/message.py", "gatefw.decision"),
    "Code formats": ("credentials/hcert.py", "gatefw.credentials.jixiang"),
    "Pure rooms": ("decision/presence.py", "time"),
    "gpiozero": ("daemon.py", "gpiozero.pins.mock"),
    "Adafruit's": ("daemon.py", "adafruit_mlx90614"),
    "picamera2": ("daemon.py", "picamera2"),
    "paho": ("telemetry/outbox.py", "paho.mqtt.client"),
    "SQLite": ("telemetry/outbox.py", "sqlite3"),
}


def verdicts(folder: Path) -> dict[str, str]:
    # A width that no contract's name fills, so that each verdict stands on its contract's line.
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(folder)}
    command = [LINT_IMPORTS, "--no-cache"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)", run.stdout, re.MULTILINE))
    assert found, run.stdout + run.stderr
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "gatefw", tmp_path / "gatefw", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_can_fail(copy: Path) -> None:
    for file, module in PLANTED.values():
        with (copy / "gatefw" / file).open("a", encoding="utf-8") as source:
            source.write(f"\nimport {module}\n")
    assert {name: verdict for name, verdict in verdicts(copy).items() if verdict == "KEPT"} == {}


def test_every_contract_has_an_import_planted_against_it() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    names = [contract["name"] for contract in declared["contracts"]]
    assert [name for name in names if not any(name.startswith(known) for known in PLANTED)] == []
    assert len(names) == len(PLANTED)
