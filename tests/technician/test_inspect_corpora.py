"""`gatefw verify` and `gatefw scan` over EU certificates that others made."""

import argparse
import base64
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gatefw.technician import inspect

CORPORA = Path(os.environ.get("GATEFW_CORPORA") or Path(__file__).parents[3] / "shared" / "corpora")
DGC = CORPORA / "dgc-testdata"
SOUND = ("CO1", "CO2", "CO3", "CO18", "CO19", "CO20", "CO21")
FORGED = ("CO5", "CO22")
PICTURED = ("common/2DCode/raw/CO28", "DE/2DCode/raw/1", "SE/2DCode/raw/1")
AT = "2021-05-03T18:00:00Z"
pytestmark = pytest.mark.corpora


@cache
def case(name: str) -> dict[str, Any]:
    path = DGC / (f"{name}.json" if "/" in name else f"common/2DCode/raw/{name}.json")
    if not path.is_file():
        pytest.skip(f"the test data is absent: {path}")
    found: dict[str, Any] = json.loads(path.read_text("utf-8-sig"))
    return found


def certificates(folder: Path, names: tuple[str, ...]) -> list[str]:
    """Write each case's certificate and return the options that trust them all."""
    options = []
    for name in names:
        path = folder / f"{Path(name).name}.pem"
        path.write_text(
            f"-----BEGIN CERTIFICATE-----\n{case(name)['TESTCTX']['CERTIFICATE']}\n-----END CERTIFICATE-----\n"
        )
        options += ["--issuer-cert", str(path)]
    return options


def test_lines_are_judged_against_all_certificates_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    inspect.add_verify_arguments(parser)
    lines = tmp_path / "codes"
    lines.write_text("".join(f"{case(name)['PREFIX']}\n" for name in SOUND + FORGED))
    args = ["--lines", str(lines), *certificates(tmp_path, SOUND + FORGED), "--at", AT, "--json"]
    assert inspect.run_verify(parser.parse_args(args)) == 1
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["text"] for answer in answers] == [case(name)["PREFIX"] for name in SOUND + FORGED]
    assert [answer["verdict"] for answer in answers] == ["accepted"] * len(SOUND) + ["refused"] * len(FORGED)
    assert {answer["stages"]["signature"] for answer in answers[len(SOUND) :]} == {False}


@pytest.mark.parametrize("name", PICTURED)
def test_a_picture_is_read_and_judged_at_its_clock(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    inspect.add_scan_arguments(parser)
    picture = tmp_path / "code.png"
    picture.write_bytes(base64.b64decode(case(name)["2DCODE"]))
    at = case(name)["TESTCTX"]["VALIDATIONCLOCK"].strip()
    args = [str(picture), *certificates(tmp_path, (name,)), "--at", at, "--json"]
    assert inspect.run_scan(parser.parse_args(args)) == 0
    (answer,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [code["text"] for code in answer["codes"]] == [case(name)["PREFIX"]]
