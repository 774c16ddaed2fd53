"""The commands as their users meet them: what they answer to broken settings, strange files, closed pipes and no Pi."""

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
import segno

GATEFW: Final = (sys.executable, "-m", "gatefw")
COMMANDS: Final = (
    ("run",),
    ("simulate",),
    ("scan",),
    ("verify",),
    ("config",),
    ("config", "check"),
    ("config", "show"),
)
SOON_S: Final = 60.0


def gatefw(*args: str | bytes | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    words: Sequence[str | bytes | Path] = (*GATEFW, *args)
    return subprocess.run(words, input=given, capture_output=True, check=False, timeout=SOON_S)


def in_shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `gatefw` is the program."""
    script = f'gatefw() {{ "{sys.executable}" -m gatefw "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, timeout=SOON_S, cwd=folder
    )


def sentence(said: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr; stdout is empty."""
    assert said.stdout == b""
    (line,) = said.stderr.decode(errors="replace").splitlines()
    return line


# ---------------------------------------------------------------- help


def test_help_names_every_command_and_every_exit_code() -> None:
    said = gatefw("--help").stdout.decode()
    assert all(f"\n    {name} " in said for name in ("run", "simulate", "scan", "verify", "config"))
    assert all(f"\n  {code} " in said for code in (0, 1, 2, 69, 75, 78))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(command: tuple[str, ...]) -> None:
    said = gatefw(*command, "--help")
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout.startswith(b"usage: gatefw " + " ".join(command).encode())


@pytest.mark.parametrize("args", [(), ("fly",), ("config",), ("scan",), ("verify", "--fast"), ("run", "now")], ids=str)
def test_a_command_called_wrongly_is_told_its_usage(args: tuple[str, ...]) -> None:
    said = gatefw(*args)
    assert (said.returncode, said.stdout) == (2, b"")
    assert said.stderr.startswith(b"usage: gatefw")


# ---------------------------------------------------------------- settings

BROKEN: Final[dict[str, bytes | None]] = {
    "missing": None,
    "unknown key": b'[gate]\nidd = "x"\n',
    "out of range": b"[reader]\nfps = 1000\n",
    "two pins": b"[barrier]\nrelay_pin = 5\n",
    "no TOML": b"[gate\n",
    "binary": bytes(range(256)),
    "huge": b"#" * 5_000_000,
    "twice": b"[gate]\n[gate]\n",
    "deep": b"a = " + b"[" * 5000 + b"]" * 5000,
}
READERS: Final = {
    "run": ("run", "--config"),
    "simulate": ("simulate", "--visitors", "1", "--config"),
    "scan": ("scan", "picture.png", "--config"),
    "verify": ("verify", "text", "--config"),
    "check": ("config", "check"),
    "show": ("config", "show", "--config"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_settings_are_one_sentence_and_78(kind: str, reader: str, tmp_path: Path) -> None:
    file, content = tmp_path / "gate.toml", BROKEN[kind]
    if content is not None:
        file.write_bytes(content)
    said = gatefw(*READERS[reader], file)
    assert said.returncode == os.EX_CONFIG
    assert str(file) in sentence(said)


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_or_a_pipe_in_the_place_of_settings_is_one_sentence_and_78(reader: str, tmp_path: Path) -> None:
    said = gatefw(*READERS[reader], tmp_path)
    assert said.returncode == os.EX_CONFIG
    assert str(tmp_path) in sentence(said)


def test_what_config_show_prints_is_taken_by_config_check(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_bytes(gatefw("config", "show").stdout)
    said = gatefw("config", "check", file)
    assert (said.returncode, said.stderr) == (0, b"")


def test_a_gate_on_a_machine_without_gpio_is_one_sentence_and_69(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(f'[store]\npath = "{tmp_path}/gate.db"\n', encoding="utf-8")
    blocked = tmp_path / "lgpio.py"
    blocked.write_text('raise ImportError("not on this machine")\n', encoding="utf-8")
    said = subprocess.run(
        [*GATEFW, "run", "--config", file],
        capture_output=True, check=False, timeout=SOON_S, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert said.returncode == os.EX_UNAVAILABLE
    assert "lgpio" in sentence(said)


# ---------------------------------------------------------------- output that nobody takes


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("gatefw verify --lines many | head -n 1", 128 + signal.SIGPIPE),
        ("gatefw verify --json --lines many | head -n 1", 128 + signal.SIGPIPE),
        ("gatefw config show | true", 0),
        ("gatefw verify x >/dev/full", os.EX_UNAVAILABLE),
        ("gatefw config show >/dev/full", os.EX_UNAVAILABLE),
        ("gatefw verify x >&-", 1),
        ("gatefw verify x 2>&-", 1),
        ("gatefw verify - <&-", 2),
        ("gatefw verify --lines - <&-", 2),
    ],
)
def test_output_that_nobody_takes_is_no_accident(line: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "many").write_text("HC1:ABC\n" * 20_000, encoding="ascii")
    said = in_shell(line, tmp_path)
    assert "Traceback" not in said.stderr
    assert "Exception" not in said.stderr
    assert said.returncode == code or (code == 0 and said.returncode == 128 + signal.SIGPIPE)


# ---------------------------------------------------------------- texts and pictures


@pytest.mark.parametrize(
    "given", [b"", b"\n", b"\xff\xfe\x00abc", b"\xed\xa0\x80", b"HC1:" + b"A" * 100_000, bytes(range(256)) * 400]
)
def test_any_bytes_can_be_verified(given: bytes) -> None:
    said = gatefw("verify", "--json", "-", given=given)
    assert (said.returncode, said.stderr) == (1, b"")
    assert json.loads(said.stdout)["verdict"] == "refused"


def test_each_line_of_any_bytes_gets_its_answer_in_order() -> None:
    said = gatefw("verify", "--json", "--lines", "-", given=b"\xff\nHC1:\n\xc3\x28\r\n" + b"A" * 200_000 + b"\nJX1:")
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert [each["format"] for each in answers] == ["unreadable", "hcert", "unreadable", "foreign", "jixiang"]
    assert said.returncode == 1


def test_an_argument_that_is_no_utf_8_is_refused_like_any_other() -> None:
    said = gatefw("verify", "--json", b"\xff\xfe")
    assert (said.returncode, said.stderr) == (1, b"")
    assert json.loads(said.stdout)["reason"] == "unreadable"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width_px: int, height_px: int) -> bytes:
    """A picture whose header says this size; its data is one row of nothing."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1 + width_px if height_px == 1 else 1))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "code.png"
    segno.make("hello, gate", micro=False).save(str(file), scale=6)
    return file


PICTURES: Final[dict[str, bytes]] = {
    "text.png": b"this is no picture",
    "empty.png": b"",
    "huge.png": _png(60_000, 60_000),
    "wide.png": _png(2_000_000_000, 1_000_000_000),
    "postscript.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_no_picture_is_said_in_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(PICTURES[name])
    said = gatefw("scan", "--json", tmp_path / name)
    assert said.returncode == 2
    assert name in sentence(said)


def test_a_folder_a_device_or_nothing_is_no_picture_either(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null"), tmp_path / "none.png"):
        said = gatefw("scan", "--json", path)
        assert said.returncode == 2
        assert str(path) in sentence(said)


def test_a_picture_cut_short_is_no_picture_and_costs_the_others_nothing(code: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(code.read_bytes()[: code.stat().st_size // 2])
    said = gatefw("scan", "--json", cut, code)
    (answer,) = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.returncode == 2
    assert answer["codes"][0]["text"] == "hello, gate"
    assert said.stderr.count(b"\n") == 1


def test_the_smallest_picture_holds_no_code(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(_png(1, 1))
    said = gatefw("scan", "--json", tmp_path / "one.png")
    assert (said.returncode, json.loads(said.stdout)["codes"]) == (1, [])


def test_a_file_may_have_any_name(code: Path) -> None:
    odd = os.fsencode(code.parent) + b"/\xff\xfe\n.png"
    code.rename(os.fsdecode(odd))
    as_json, plain = gatefw("scan", "--json", odd), gatefw("scan", odd)
    assert os.fsencode(json.loads(as_json.stdout)["image"]) == odd
    assert (as_json.returncode, plain.returncode) == (1, 1)
    assert plain.stderr == b""
