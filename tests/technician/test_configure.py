"""`gatefw config check` and `config show`: what they say, where, and with which exit code."""

import os
from pathlib import Path

import pytest

from gatefw import settings
from gatefw.__main__ import main


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "gate.toml"
    file.write_text("[fever]\nlimit_c = 40\n[reader]\nfsp = 3\n", encoding="utf-8")
    return file


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    file = tmp_path / "gate.toml"
    file.write_text("[reader]\nfps = 5\n", encoding="utf-8")
    return file


def check(*words: str) -> int:
    return main(["config", "check", *words])


def show(*words: str) -> int:
    return main(["config", "show", *words])


def test_check_tells_every_problem_on_stderr_and_exits_78(broken, capsys):
    assert check(str(broken)) == os.EX_CONFIG == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 2


def test_check_of_a_right_file_exits_0(changed, capsys):
    assert check(str(changed)) == 0
    assert capsys.readouterr().err == ""


def test_check_of_an_absent_file_is_one_sentence(tmp_path, capsys):
    assert check(str(tmp_path / "absent.toml")) == os.EX_CONFIG
    assert capsys.readouterr().err.count("\n") == 1


def test_show_without_a_file_is_the_defaults(capsys):
    assert show() == 0
    assert capsys.readouterr().out == settings.show(settings.defaults())


def test_show_marks_what_a_file_changes(changed, capsys):
    assert show("--config", str(changed)) == 0
    assert "fps = 5  # default: 10\n" in capsys.readouterr().out


def test_show_of_a_broken_file_shows_nothing(broken, capsys):
    assert show("--config", str(broken)) == os.EX_CONFIG
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
