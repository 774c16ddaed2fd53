"""What became of each visitor, told from outside: from the yard's report and the events at the broker."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gatefw.simulation.people import VisitorSpan
from gatefw.simulation.rehearsal import Outcome
from gatefw.simulation.subscriber import tally
from gatefw.simulation.turnstile import How
from gatefw.simulation.visitors import Expected

VERDICTS: Final[dict[str, Expected]] = {"granted": "admitted", "refused": "refused", "assist": "assist"}
"""The event kinds that are a verdict."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One event at the broker: `at_s` on the yard's clock."""

    kind: str
    at_s: float
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorAccount:
    """One visitor: what was expected and what came. `scan_to_relay_ms` is real time."""

    visitor: int
    kind: str
    expected: Expected
    verdict: Expected
    reason: str | None
    scan_to_relay_ms: float | None
    as_expected: bool

    def as_json(self) -> dict[str, object]:
        """Give the object that `gatefw simulate --json` prints."""
        return {
            "visitor": self.visitor,
            "kind": self.kind,
            "expected": self.expected,
            "verdict": self.verdict,
            "reason": self.reason,
            "scan_to_relay_ms": self.scan_to_relay_ms,
        }


def events(outcome: Outcome) -> tuple[Told, ...]:
    """Give the events in the order of their keys, each once."""
    by_seq = {int(heard.key.rsplit("-", 1)[1]): heard.event for heard in outcome.heard}
    return tuple(_told(by_seq[seq], outcome.starts_utc) for seq in sorted(by_seq))


def _told(event: dict[str, Any], starts_utc: float) -> Told:
    at_utc = datetime.fromisoformat(event["time"]).timestamp()
    return Told(kind=event["type"].rsplit(".", 1)[1], at_s=at_utc - starts_utc, data=event["data"])


def visitors(outcome: Outcome) -> tuple[VisitorAccount, ...]:
    """Give an account of every visitor, in the order of their coming."""
    told = events(outcome)
    spans = [span for span in outcome.report.visitors if span.arrived_s is not None]
    ends_s = (*(span.arrived_s or 0.0 for span in spans[1:]), float("inf"))[: len(spans)]  # nobody may have come
    return tuple(_account(span, end_s, told, outcome) for span, end_s in zip(spans, ends_s, strict=True))


def _account(span: VisitorSpan, end_s: float, told: tuple[Told, ...], outcome: Outcome) -> VisitorAccount:
    begin_s = span.arrived_s or 0.0
    mine = [event for event in told if begin_s <= event.at_s < end_s]
    verdict, reason = _verdict(mine)
    passed = any(body.visitor == span.number and body.how is How.RELEASED for body in outcome.report.passages)
    # a body that went through counts more than any event: who was released was admitted
    verdict = "admitted" if passed else verdict
    took = [latency for at_s, latency in outcome.releases if begin_s <= at_s < end_s and latency is not None]
    return VisitorAccount(
        visitor=span.number,
        kind=span.kind,
        expected=span.expected,
        verdict=verdict,
        reason=reason,
        scan_to_relay_ms=round(took[0] * 1000, 2) if took else None,
        as_expected=verdict == span.expected and _is_consistent(mine, passed=passed),
    )


def _verdict(mine: Iterable[Told]) -> tuple[Expected, str | None]:
    """The first verdict counts; who forced the gate or left without one was not admitted."""
    last: str | None = None
    for event in mine:
        if event.kind in VERDICTS:
            return VERDICTS[event.kind], event.data.get("reason")
        if event.kind in ("forced_open", "tailgating"):
            return "refused", event.kind
        last = event.data.get("reason") or last
    return "refused", last


def _is_consistent(mine: Iterable[Told], *, passed: bool) -> bool:
    """A passage was reported as one, and each grant ended once."""
    kinds = [event.kind for event in mine]
    ended = kinds.count("passed") + kinds.count("not_used")
    return kinds.count("granted") == ended and kinds.count("passed") == (1 if passed else 0)


def summary(outcome: Outcome, accounts: tuple[VisitorAccount, ...]) -> dict[str, dict[str, int]]:
    """Give the last object that `gatefw simulate --json` prints."""
    counted = tally(outcome.heard, outcome.sent)
    return {
        "summary": {
            "visitors": len(outcome.report.visitors),
            "as_expected": sum(account.as_expected for account in accounts),
            "events_sent": len(outcome.sent),
            "events_received": counted.received,
            "missing": counted.missing,
            "duplicates": counted.duplicates,
            "redelivered": counted.redelivered,
        }
    }


def is_good(total: dict[str, dict[str, int]]) -> bool:
    """Did all go as expected, and does central ops know all of it, once?"""
    counts = total["summary"]
    complete = counts["events_sent"] == counts["events_received"] > 0
    nothing_odd = counts["missing"] == 0 and counts["duplicates"] == 0
    return complete and nothing_odd and counts["as_expected"] == counts["visitors"]


def lines(accounts: Iterable[VisitorAccount]) -> Iterator[str]:
    """Say each visitor's fate in one line for a person."""
    accounts = tuple(accounts)
    width = max((len(account.kind) for account in accounts), default=0)
    for account in accounts:
        mark = "✓" if account.as_expected else "✗"
        why = f" ({account.reason})" if account.reason else ""
        what = f"expected {account.expected:9s} got {account.verdict}{why}"
        yield f"{mark} {account.visitor:4d}  {account.kind:{width}s}  {what}"


def sentence(total: dict[str, dict[str, int]]) -> str:
    """Say the counts in words."""
    counts = total["summary"]
    return (
        f"{counts['as_expected']} of {counts['visitors']} visitors as expected. Events: {counts['events_sent']} sent, "
        f"{counts['events_received']} at the broker, {counts['missing']} missing, {counts['duplicates']} twice, "
        f"{counts['redelivered']} delivered again."
    )
