"""A scenario is held to its word: what was expected against what was seen of it from outside.

Judged are each visitor's fate, the relay's coil as the yard saw it, the signs that a bystander makes out from the
lamps, and the events at the broker in the order of their keys. Each mismatch is one sentence; all of them are told.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from gatefw.simulation import account
from gatefw.simulation.account import Told, VisitorAccount
from gatefw.simulation.bystander import signs_seen
from gatefw.simulation.rehearsal import Outcome, wiring_of
from gatefw.simulation.scenario import Scenario
from gatefw.simulation.wiring import LAMPS

LIVE_SLACK_S: Final = 2.0
"""On the wall clock a gate takes its time to start: intervals are those of virtual time."""


def mismatches(scenario: Scenario, outcome: Outcome, *, slack_s: float = 0.0) -> tuple[str, ...]:
    """Say everything that was not as the scenario expects; an empty tuple means: all of it was.

    `slack_s` is added to the relay's tolerance.
    """
    return (
        *_of_visitors(scenario, account.visitors(outcome)),
        *_of_relay(scenario, outcome, scenario.expect.tolerance_s + slack_s),
        *_of_list("signs", scenario.expect.signs, signs(scenario, outcome)),
        *_of_list("events", scenario.expect.events, tuple(name_of(told) for told in account.events(outcome))),
        *_of_delivery(outcome),
    )


def signs(scenario: Scenario, outcome: Outcome) -> tuple[str, ...]:
    """Name the signs that were seen, in their order."""
    wiring = wiring_of(scenario.settings)
    fitted = frozenset(name for name in LAMPS if wiring.line(name) is not None)
    report = outcome.report
    seen = signs_seen(report.lamps, report.now_s, scenario.settings.indicator.kind, fitted)
    return tuple(each.sign for each in seen)


def relay_spans(outcome: Outcome) -> tuple[tuple[float, float], ...]:
    """Give the intervals in which the coil was on, in seconds from the start."""
    report = outcome.report
    return tuple(
        (round(span.on_s - report.starts_s, 2), round((span.off_s or report.now_s) - report.starts_s, 2))
        for span in report.coil
    )


def name_of(told: Told) -> str:
    """Name an event as scenarios do: `kind`, `kind: reason` or `fault: device fault`."""
    data = told.data
    detail = data.get("reason") or " ".join(filter(None, (data.get("device"), data.get("fault"))))
    return f"{told.kind}: {detail}" if detail else told.kind


def _of_visitors(scenario: Scenario, accounts: Sequence[VisitorAccount]) -> Iterator[str]:
    for plan, because, came in zip_longest(scenario.plans, scenario.because, accounts):
        if came is None:
            yield f"visitor {plan.number} ({plan.kind}) never came to the gate"
            continue
        got = f"{came.verdict}, because {came.reason or 'of nothing that was told'}"
        if came.verdict != plan.expected or because not in ("", came.reason):
            wanted = f"{plan.expected}, because {because}" if because else plan.expected
            yield f"visitor {plan.number} ({plan.kind}): expected {wanted}; came {got}"
        elif not came.as_expected:
            yield f"visitor {plan.number} ({plan.kind}): {got}, but the events tell another story of the passage"


def _of_relay(scenario: Scenario, outcome: Outcome, tolerance_s: float) -> Iterator[str]:
    expected, came = scenario.expect.relay, relay_spans(outcome)
    edges = zip(expected, came, strict=False)
    near = all(abs(a - b) <= tolerance_s for pair in edges for a, b in zip(*pair, strict=True))
    if len(came) != len(expected) or not near:
        yield (f"relay: expected {_written(expected)} within {tolerance_s:g} s; the coil was on in {_written(came)}")


def _written(spans: Sequence[tuple[float, float]]) -> str:
    return "[" + ", ".join(f"[{on_s:g}, {off_s:g}]" for on_s, off_s in spans) + "]"


def _of_list(what: str, expected: Sequence[str], came: Sequence[str]) -> Iterator[str]:
    if tuple(expected) == tuple(came):
        return
    number = next(n for n, (a, b) in enumerate(zip_longest(expected, came), start=1) if a != b)
    differs = " and ".join(
        f"{words[number - 1] if len(words) >= number else 'nothing more'} {verb}"
        for words, verb in ((expected, "was expected"), (came, "came"))
    )
    yield f"{what}: as number {number}, {differs}; in all: {', '.join(came) or 'none'}"


def _of_delivery(outcome: Outcome) -> Iterator[str]:
    counts = account.summary(outcome, account.visitors(outcome))["summary"]
    if counts["missing"] or counts["duplicates"] or not counts["events_received"]:
        yield (
            f"broker: {counts['events_sent']} events were committed; {counts['events_received']} came, "
            f"{counts['missing']} are missing, {counts['duplicates']} came under two keys"
        )
