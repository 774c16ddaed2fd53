"""Where the test data made by others lies, and: no skip goes unnoticed.

Data: `$GATEFW_CORPORA`, else `../shared/corpora` beside the repository. A test marked `corpora`, or one that takes
the fixture of that name, is skipped where there is none. Every skip is counted in the summary, and one whose reason is
not in EXPECTED fails the run.
"""

import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test fails for being slow on a busy machine; where nobody watches, a run can be repeated exactly.
settings.register_profile(
    "gatefw", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("gatefw")

ROOT = Path(__file__).resolve().parent.parent
ABSENT = "the test data made by others is absent"

EXPECTED = (
    rf"{ABSENT}.*",
    r"systemd-analyze is not installed.*",
    r".*(corpora|test data).*(absent|missing|not found|not there|not here).*",
    r"picamera2's source is not at hand.*",
    r"this kernel or sandbox has no adjtimex.*",
)
"""Reasons for which a test may be skipped, as regular expressions that match a whole reason."""

_skips: Counter[str] = Counter()


def _corpora() -> Path:
    named = os.environ.get("GATEFW_CORPORA")
    if named and not Path(named).is_dir():
        raise pytest.UsageError(f"GATEFW_CORPORA is {named}, which is no folder")
    return Path(named) if named else ROOT.parent / "shared" / "corpora"


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = _corpora()
    if not folder.is_dir():
        pytest.skip(f"{ABSENT} ({folder})")
    return folder


def pytest_configure() -> None:
    _corpora()  # a wrong GATEFW_CORPORA stops the run before anything is skipped
    # A run in the background of a script ignores SIGINT, and so would every command that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("corpora") and not _corpora().is_dir():
        pytest.skip(f"{ABSENT} ({_corpora()})")


def _count(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skips[reason.removeprefix("Skipped: ")] += 1


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _count(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _count(report)


def _unexpected() -> list[str]:
    return [reason for reason in _skips if not any(re.fullmatch(known, reason, re.DOTALL) for known in EXPECTED)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unexpected() and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason, count in _skips.items():
        word = "UNEXPECTED, the run fails" if reason in _unexpected() else "expected"
        terminalreporter.write_line(f"{count} skipped ({word}): {reason}")
