"""Every shipped scenario holds on the whole chain, from camera frame to relay and broker; and each part can fail."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

import gatefw.simulation
from gatefw import settings
from gatefw.simulation.broker import Broker
from gatefw.simulation.casting import corpora_folder
from gatefw.simulation.expectation import mismatches
from gatefw.simulation.rehearsal import Outcome, rehearse
from gatefw.simulation.scenario import Scenario, load

FOLDER = Path(gatefw.simulation.__file__).parent / "scenarios"
NEEDS_CORPORA = {"real_pictures"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))
SEED = 1
COMMAND_S = 120.0
FLIPPED = ("expired", "green_and_normal", "not_used")


def shipped(name: str) -> Scenario:
    return load(FOLDER / f"{name}.toml", settings.defaults(), corpora_folder())


Play = Callable[[str], tuple[Scenario, Outcome]]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """Rehearse a shipped scenario once, however often it is judged."""
    with Broker() as own:

        @cache
        def played(name: str) -> tuple[Scenario, Outcome]:
            scenario = shipped(name)
            return scenario, rehearse(scenario.play(SEED), broker=(own.host, own.port))

        yield played


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.corpora) if n in NEEDS_CORPORA else n for n in NAMES]
)
def test_the_gate_does_what_the_scenario_says(name: str, play: Play) -> None:
    assert mismatches(*play(name)) == ()


def test_the_fates_that_the_gate_exists_for_are_shipped() -> None:
    asked = {
        "green_and_normal", "no_code", "red", "expired", "forged", "fever", "thermometer_fault", "forced_entry",
        "real_pictures",
    }  # fmt: skip
    assert asked <= set(NAMES)


# ---------------------------------------------------------------- a scenario that can't fail would show nothing


def expecting(scenario: Scenario, **changes: Any) -> Scenario:
    return replace(scenario, expect=msgspec.structs.replace(scenario.expect, **changes))


def flips(listed: tuple[Any, ...], other: Any) -> Iterator[tuple[Any, ...]]:
    """Each item left out, put in twice, put in the place of another, and swapped with the next; one too many."""
    yield (*listed, other)
    for n, item in enumerate(listed):
        yield (*listed[:n], *listed[n + 1 :])
        yield (*listed[: n + 1], *listed[n:])
        if item != other:
            yield (*listed[:n], other, *listed[n + 1 :])
        if n + 1 < len(listed) and listed[n + 1] != item:
            yield (*listed[:n], listed[n + 1], item, *listed[n + 2 :])


def flipped_relay(scenario: Scenario) -> Iterator[Scenario]:
    spans = scenario.expect.relay
    yield expecting(scenario, relay=(*spans, (900.0, 901.0)))
    for n, (on_s, off_s) in enumerate(spans):
        others = (None, (on_s - 1, off_s), (on_s + 1, off_s), (on_s, off_s - 1), (on_s, off_s + 1))
        for other in others:
            put = () if other is None else (other,)
            yield expecting(scenario, relay=(*spans[:n], *put, *spans[n + 1 :]))


def flipped_fates(scenario: Scenario) -> Iterator[Scenario]:
    for n, plan in enumerate(scenario.plans):
        for fate in {"admitted", "refused", "assist"} - {plan.expected}:
            plans = (*scenario.plans[:n], replace(plan, expected=fate), *scenario.plans[n + 1 :])
            yield replace(scenario, plans=plans)
        yield replace(scenario, because=(*scenario.because[:n], "orange", *scenario.because[n + 1 :]))


def only_complaint(scenario: Scenario, outcome: Outcome) -> str:
    told = mismatches(scenario, outcome)
    assert len(told) == 1
    assert "\n" not in told[0]
    return told[0]


@pytest.mark.parametrize("name", FLIPPED)
def test_another_sign_or_order_of_signs_fails(name: str, play: Play) -> None:
    scenario, outcome = play(name)
    for signs in flips(scenario.expect.signs, "alarm"):
        assert only_complaint(expecting(scenario, signs=signs), outcome).startswith("signs: ")


@pytest.mark.parametrize("name", FLIPPED)
def test_another_event_or_order_of_events_fails(name: str, play: Play) -> None:
    scenario, outcome = play(name)
    for events in flips(scenario.expect.events, "refused: red"):
        assert only_complaint(expecting(scenario, events=events), outcome).startswith("events: ")


@pytest.mark.parametrize("name", FLIPPED)
def test_another_interval_of_the_relay_fails(name: str, play: Play) -> None:
    scenario, outcome = play(name)
    for flipped in flipped_relay(scenario):
        assert only_complaint(flipped, outcome).startswith("relay: ")


@pytest.mark.parametrize("name", FLIPPED)
def test_another_fate_or_reason_fails(name: str, play: Play) -> None:
    scenario, outcome = play(name)
    report = outcome.report
    for flipped in flipped_fates(scenario):
        # the yard keeps what each visitor was to get: it would have been told the same
        spans = zip(report.visitors, flipped.plans, strict=True)
        visitors = tuple(replace(span, expected=plan.expected) for span, plan in spans)
        told = only_complaint(flipped, replace(outcome, report=replace(report, visitors=visitors)))
        assert told.startswith("visitor ")


def test_all_mismatches_are_told(play: Play) -> None:
    scenario, outcome = play("green_and_normal")
    told = mismatches(expecting(scenario, relay=(), signs=(), events=()), outcome)
    assert [each.split(":")[0] for each in told] == ["relay", "signs", "events"]


def test_an_event_that_never_reached_the_broker_fails(play: Play) -> None:
    scenario, outcome = play("green_and_normal")
    lost = replace(outcome, sent=(*outcome.sent, "lost-99"))
    assert only_complaint(scenario, lost).startswith("broker: ")


# ---------------------------------------------------------------- the command


def command(path: Path) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "gatefw", "simulate", "--scenario", str(path), "--json"]
    return subprocess.run(line, capture_output=True, text=True, timeout=COMMAND_S, check=False)


def test_the_command_prints_visitors_and_summary_and_ends_well() -> None:
    ended = command(FOLDER / "green_and_normal.toml")
    visitor, summary = (json.loads(line) for line in ended.stdout.splitlines())
    assert (visitor["expected"], visitor["verdict"], visitor["kind"]) == ("admitted", "admitted", "green and normal")
    assert summary["summary"]["missing"] == 0
    assert ended.returncode == 0


def test_the_command_tells_a_mismatch_and_ends_with_1(tmp_path: Path) -> None:
    flipped = tmp_path / "flipped.toml"
    flipped.write_text((FOLDER / "red.toml").read_text().replace('"desk"', '"pass"'))
    ended = command(flipped)
    assert "signs: as number 3, pass was expected and desk came" in ended.stderr
    assert len(ended.stdout.splitlines()) == 2
    assert ended.returncode == 1


def test_the_command_refuses_a_broken_file_with_78(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text((FOLDER / "red.toml").read_text().replace("gets", "get"))
    ended = command(broken)
    assert f"{broken}: [visitor 1]" in ended.stderr
    assert (ended.stdout, ended.returncode) == ("", 78)
