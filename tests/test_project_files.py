"""The project's own tools: the scripts, the Makefile, the benches' dispatcher, and that no skip goes unnoticed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ["tools/setup", "tools/test", "tools/demo", ".ci/run"]


def ran(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("script", [*SCRIPTS, "tools/bench"])
def test_a_tool_can_be_run(script):
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_parses_and_stops_at_the_first_failure(script):
    assert ran("bash", "-n", ROOT / script).stderr == ""
    assert "set -euo pipefail" in (ROOT / script).read_text(encoding="utf-8")


def test_ci_passes_the_exit_code_of_the_tests_through(tmp_path):
    for folder in (".ci", "tools"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    stub = tmp_path / "tools" / "test"
    stub.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    stub.chmod(0o755)
    assert ran("bash", ".ci/run", cwd=tmp_path).returncode == 3


def test_setup_takes_no_other_word():
    said = ran("tools/setup", "everything")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)


def test_make_alone_only_helps():
    said = ran("make")
    assert said.returncode == 0
    assert all(line.startswith("make ") for line in said.stdout.splitlines())


def test_the_tests_run_last_so_that_their_summary_closes_the_run():
    planned = ran("make", "-n", "check").stdout
    assert re.search(r"ruff check.*mypy.*lint-imports.*pytest.*-m search.*pytest.*not search", planned, re.DOTALL)


def links():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                yield pytest.param(document.parent / target, id=f"{document.name}: {target}")


@pytest.mark.parametrize("target", list(links()))
def test_a_document_points_to_what_is_there(target):
    assert target.exists()


# ---------------------------------------------------------------- tools/bench


@pytest.mark.parametrize("words", [[], ["everything"], ["ingest"], ["start", "--fast"]])
def test_bench_refuses_what_it_does_not_measure(words):
    said = ran("tools/bench", *words)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr


def bench_beside(tmp_path: Path, body: str) -> Path:
    (tmp_path / "tools" / "benches").mkdir(parents=True)
    copy = tmp_path / "tools" / "bench"
    copy.write_bytes((ROOT / "tools" / "bench").read_bytes())
    (tmp_path / "tools" / "benches" / "start.py").write_text(body, encoding="utf-8")
    return copy


FIGURE = """{"bench": "start", "figure": "f", "value": 1.5, "unit": "s",
           "reference": None, "ratio": None, "aim": "a", "met": %s}"""


@pytest.mark.parametrize(("met", "code"), [("True", 0), ("None", 0), ("False", 1)])
def test_a_missed_aim_is_the_exit_code(tmp_path, met, code):
    copy = bench_beside(tmp_path, f"def run(quick):\n    yield {FIGURE % met}\n")
    said = ran(sys.executable, copy, "start", "--json")
    assert said.returncode == code
    assert [json.loads(line)["value"] for line in said.stdout.splitlines()] == [1.5]


@pytest.mark.parametrize("body", ["def run(quick):\n    yield {'bench': 'start'}\n", "raise OSError('gone')\n"])
def test_a_bench_that_breaks_says_so_in_one_sentence(tmp_path, body):
    said = ran(sys.executable, bench_beside(tmp_path, body), "all")
    assert said.returncode == 1
    assert "bench start broke: " in said.stderr
    assert "Traceback" not in said.stderr


# ---------------------------------------------------------------- skips

SKIPPING = "import pytest\n\ndef test_good():\n    pass\n\ndef test_skipped():\n    pytest.skip({!r})\n"


def pytest_of(folder: Path, reason: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (folder / "test_one.py").write_text(SKIPPING.format(reason), encoding="utf-8")
    return ran(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder)


def test_an_unexpected_skip_fails_the_run(tmp_path):
    said = pytest_of(tmp_path, "no time today")
    assert said.returncode == 1
    assert "1 skipped (UNEXPECTED, the run fails): no time today" in said.stdout


def test_an_expected_skip_is_counted_aloud(tmp_path):
    said = pytest_of(tmp_path, "the test data made by others is absent (/nowhere)")
    assert said.returncode == 0
    assert "1 skipped (expected): the test data made by others is absent" in said.stdout


def test_a_wrong_corpora_folder_stops_the_run():
    said = ran(
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        ROOT / "tests" / "test_contracts.py",
        GATEFW_CORPORA="/nowhere",
    )
    assert said.returncode == 4
    assert "GATEFW_CORPORA is /nowhere" in said.stderr + said.stdout
