import argparse
import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segno
from PIL import Image, ImageOps

from gatefw.errors import TrustError
from gatefw.simulation.issuer import Issuer, damaged, entry, trust_files, write_trust
from gatefw.technician import inspect, sources
from gatefw.technician.pictures import PICTURE_LIMIT_PX, read_luma
from gatefw.technician.sources import UsageError

IAT = 1_600_000_000
AT = "2020-09-13T12:26:50Z"
STAGES = ["prefix", "base45", "inflate", "cose", "signature", "time", "schema", "key_usage", "colour"]
JILIN, STATE = Issuer.jixiang(), Issuer.hcert()
GREEN, RED, CERTIFICATE = JILIN.jx1(iat=IAT), JILIN.jx1(iat=IAT, colour="red"), STATE.hc1(iat=IAT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_trust(tmp_path / "trust", [JILIN, STATE])
    return tmp_path / "trust"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "issuer.pem"
    path.write_bytes(JILIN.certificate_pem)
    return path


def verify(*args: str | Path) -> int:
    parser = argparse.ArgumentParser()
    inspect.add_verify_arguments(parser)
    return inspect.run_verify(parser.parse_args([str(arg) for arg in args]))


def scan(*args: str | Path) -> int:
    parser = argparse.ArgumentParser()
    inspect.add_scan_arguments(parser)
    return inspect.run_scan(parser.parse_args([str(arg) for arg in args]))


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_an_accepted_code_is_answered_with_every_stage_in_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(GREEN, "--trust", folder, "--at", AT, "--json") == 0
    (answer,) = objects(capsys)
    assert list(answer) == ["text", "format", "verdict", "reason", "stages"]
    assert (answer["text"], answer["format"], answer["verdict"], answer["reason"]) == (
        GREEN,
        "jixiang",
        "accepted",
        None,
    )
    assert list(answer["stages"]) == STAGES
    assert [answer["stages"][stage] for stage in STAGES] == [True, True, None, True, True, True, True, None, True]


def test_stages_that_were_not_reached_are_null(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(damaged(CERTIFICATE), "--trust", folder, "--at", AT, "--json") == 1
    (answer,) = objects(capsys)
    assert answer["reason"] == "signature"
    assert [answer["stages"][stage] for stage in STAGES] == [True, True, True, True, False, None, None, None, None]


def test_lines_are_answered_in_order_and_only_their_ending_is_dropped(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "codes"
    lines.write_bytes(f"{GREEN}\r\n\n{CERTIFICATE}\n{GREEN} \n\xff\n".encode("latin-1") + b"y" * 100_000 + b"\nlast")
    assert verify("--lines", lines, "--trust", folder, "--at", AT, "--json") == 1
    answers = objects(capsys)
    assert [(answer["format"], answer["reason"]) for answer in answers] == [
        ("jixiang", None), ("unreadable", "unreadable"), ("hcert", None), ("jixiang", "malformed"),
        ("unreadable", "unreadable"), ("foreign", "oversize"), ("foreign", "foreign"),
    ]  # fmt: skip
    assert answers[0]["text"] == GREEN


def test_all_lines_accepted_is_success(tmp_path: Path, folder: Path) -> None:
    lines = tmp_path / "codes"
    lines.write_text(f"{GREEN}\n{CERTIFICATE}\n")
    assert verify("--lines", lines, "--trust", folder, "--at", AT) == 0
    lines.write_text("")
    assert verify("--lines", lines, "--trust", folder, "--at", AT) == 1


@pytest.mark.parametrize(("data", "code"), [(f"{GREEN}\n", 0), (f"{GREEN}\n\n", 1), (GREEN, 0), ("", 1)], ids=repr)
def test_standard_input_is_one_code(folder: Path, monkeypatch: pytest.MonkeyPatch, data: str, code: int) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(data.encode()))
    assert verify("-", "--trust", folder, "--at", AT) == code


def test_lines_come_from_standard_input_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(f"{GREEN}\n{GREEN}\n".encode()))
    assert verify("--lines", "-", "--trust", folder, "--at", AT) == 0


def test_only_the_certificates_given_are_trusted(certificate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(GREEN, "--issuer-cert", certificate, "--at", AT) == 0
    assert verify(CERTIFICATE, "--issuer-cert", certificate, "--at", AT, "--json") == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["reason"] == "unknown_issuer"
    assert verify(GREEN, "--at", AT) == 1


def test_without_a_time_it_is_judged_now(certificate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(GREEN, "--issuer-cert", certificate, "--json") == 1
    assert objects(capsys)[0]["reason"] == "expired"


def test_the_trust_folder_of_a_settings_file_counts(tmp_path: Path, folder: Path) -> None:
    config = tmp_path / "gate.toml"
    config.write_text(f'[trust]\nfolder = "{folder}"\n')
    assert verify(GREEN, "--config", config, "--at", AT) == 0


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), "TEXT"),
        (("x", "--lines", "f"), "TEXT"),
        (("--lines", "/no/such/file"), "/no/such/file"),
        (("x", "--at", "yesterday"), "--at"),
        (("x", "--at", "2020-09-13T12:26:50"), "offset"),
        (("x", "--at", "2020-09-13"), "--at"),
        (("x", "--trust", "/no/such/folder"), "/no/such/folder"),
        (("x", "--issuer-cert", "/no/such.pem"), "/no/such.pem"),
        (("x", "--issuer-jwks", "/no/such.json"), "/no/such.json"),
        (("x", "--trust", "a", "--issuer-cert", "b"), "one source"),
    ],
)
def test_a_command_that_can_t_be_done_says_why_in_one_sentence(
    args: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(*args) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert named in said.err
    assert said.err.count("\n") == 1


def test_a_key_set_is_read_and_said_to_be_of_no_use_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text('{"keys": []}')
    assert verify("shc:/56", "--issuer-jwks", keys, "--json") == 1
    assert objects(capsys)[0]["reason"] == "unsupported"
    keys.write_text('{"keys": 1}')
    assert verify("shc:/56", "--issuer-jwks", keys, "--json") == 2


def test_a_line_for_a_person_names_the_reason_and_no_person(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    positive = STATE.hc1(iat=IAT, kind="t", entries=[entry("t", "XX", tr="260373001")], family="SOMEBODY")
    assert verify(RED, "--trust", folder, "--at", AT) == 1
    assert "red" in capsys.readouterr().out
    assert verify(positive, "--trust", folder, "--at", AT) == 0
    said = capsys.readouterr().out
    assert "the gate won't open" in said
    assert "SOMEBODY" not in said


# ---------------------------------------------------------------- pictures


def drawn(path: Path, *texts: str) -> Path:
    codes = [np.array(list(segno.make_qr(text).matrix), dtype=np.uint8) for text in texts]
    tiles = [np.kron(np.pad(255 * (1 - code), 4, constant_values=255), np.ones((4, 4), np.uint8)) for code in codes]
    height = max(tile.shape[0] for tile in tiles)
    sheet = [np.pad(tile, ((0, height - tile.shape[0]), (0, 0)), constant_values=255) for tile in tiles]
    Image.fromarray(np.hstack(sheet)).save(path)
    return path


def test_a_picture_is_answered_with_its_codes_and_who_read_them(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = drawn(tmp_path / "code.png", GREEN)
    assert scan(picture, "--trust", folder, "--at", AT, "--json") == 0
    (answer,) = objects(capsys)
    assert list(answer) == ["image", "codes", "decoder", "ms"]
    assert answer["image"] == str(picture)
    assert [code["text"] for code in answer["codes"]] == [GREEN]
    assert answer["decoder"] == {"zxing": 1, "zbar": 1}
    assert answer["ms"] > 0


def test_a_picture_with_a_refused_code_or_none_is_refused(tmp_path: Path, folder: Path) -> None:
    Image.new("L", (200, 200), 255).save(tmp_path / "empty.png")
    assert scan(drawn(tmp_path / "two.png", GREEN, RED), "--trust", folder, "--at", AT) == 1
    assert scan(tmp_path / "empty.png", "--trust", folder, "--at", AT) == 1


def test_a_picture_is_answered_for_people_with_what_to_do(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = drawn(tmp_path / "other.png", "hello")
    scan(picture, "--trust", folder, "--at", AT)
    said = "refused (foreign): This is another kind of code; show the health code."
    assert capsys.readouterr().out == f"{picture}: {said}\n"


def test_a_picture_may_have_any_name(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = drawn(tmp_path / "a.png", GREEN).rename(tmp_path / "\udcff.png")
    assert scan(picture, "--trust", folder, "--at", AT) == 0
    assert capsys.readouterr().out.encode()


def test_a_broken_picture_costs_no_other_its_answer(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = drawn(tmp_path / "good.png", GREEN)
    cut, text = tmp_path / "cut.png", tmp_path / "text.png"
    cut.write_bytes(good.read_bytes()[:300])
    text.write_text("hello")
    args = (cut, tmp_path / "missing.png", text, tmp_path, good)
    assert scan(*args, "--trust", folder, "--at", AT, "--json") == 2
    said = capsys.readouterr()
    assert [json.loads(line)["image"] for line in said.out.splitlines()] == [str(good)]
    assert len(said.err.splitlines()) == 4


def test_transparency_is_white_paper(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255))
    picture.save(tmp_path / "a.png")
    luma = read_luma(tmp_path / "a.png")
    assert (luma.shape, luma.dtype, luma[0, 0], luma[0, 1]) == ((4, 4), np.uint8, 255, 0)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (8, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert read_luma(tmp_path / "a.jpg").shape == (8, 4)


def test_sixteen_bits_of_grey_keep_their_high_byte(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_luma(tmp_path / "a.png").tolist() == [[0, 128, 255]]


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    Image.new("1", (PICTURE_LIMIT_PX // 8_000 + 1, 8_000)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="too many"):
        read_luma(tmp_path / "a.png")


def test_a_broken_trust_folder_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in trust_files([JILIN]).items():
        if name.endswith(".pem"):
            (tmp_path / "issuers").mkdir()
            (tmp_path / name).write_bytes(content)
    assert verify(GREEN, "--trust", tmp_path) == 2
    assert "policy.toml" in capsys.readouterr().err
    with pytest.raises(TrustError):
        sources.asked_trust(argparse.Namespace(config=None, trust=tmp_path, issuer_cert=[], issuer_jwks=None))


def test_a_terminal_that_knows_ascii_only_gets_its_answer(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    abroad = Issuer.hcert(name="Zürich")
    certificate = tmp_path / "abroad.pem"
    certificate.write_bytes(abroad.certificate_pem)
    picture = drawn(tmp_path / "a.png", GREEN).rename(tmp_path / "吉.png")
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", written)
    assert verify(abroad.hc1(iat=IAT), "--issuer-cert", certificate, "--at", AT) == 0
    assert scan(picture, "--trust", folder, "--at", AT) == 0


@pytest.mark.parametrize(
    "at", ["2020-09-13t12:26:50z", "2020-09-13T14:26:50.000000001+02:00", " 2020-09-13 12:26:50Z "]
)
def test_every_way_to_write_an_rfc_3339_time_is_taken(folder: Path, at: str) -> None:
    assert verify(GREEN, "--trust", folder, "--at", at) == 0


def test_a_photograph_whose_metadata_cannot_be_packed_again_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpackable(_picture: Image.Image) -> Image.Image:
        raise struct.error("required argument is not an integer")

    monkeypatch.setattr(ImageOps, "exif_transpose", unpackable)
    with pytest.raises(UsageError, match="no picture"):
        read_luma(drawn(tmp_path / "a.png", GREEN))
