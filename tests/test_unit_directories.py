"""The service may write where its libraries do, and is stopped in the right order."""

import re
from pathlib import Path

UNIT = Path(__file__).resolve().parent.parent / "systemd" / "gatefw.service"


def value(key: str) -> str:
    said = re.findall(rf"^{key}=(.*)$", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(said) == 1, f"{key} stands {len(said)} times in the unit"
    return str(said[0])


def test_lgpio_can_make_its_pipes_in_the_working_directory() -> None:
    # lgpio opens .lgd-nfy* in the working directory at import (joan2937/lg issue 22)
    assert value("WorkingDirectory") == f"%t/{value('RuntimeDirectory')}"
    assert value("ProtectSystem") == "strict"


def test_only_the_daemon_is_asked_to_stop() -> None:
    assert value("KillMode") == "mixed"


def test_a_stop_has_time_for_the_sensor_and_the_broker() -> None:
    # 2 s for a hanging sensor, 12 s for a broker that takes the connection and says nothing
    assert int(value("TimeoutStopSec")) >= 14
