"""The loop with small devices of its own: what it does, in which order, and what never leaves it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from hypothesis import given as examples
from hypothesis import settings as effort
from hypothesis import strategies as st

from gatefw.credentials.trust import TrustStore
from gatefw.daemon import BEAT_S, Daemon, Devices, Known, Turned
from gatefw.decision import gate
from gatefw.decision.fever import FeverRules
from gatefw.decision.state import Phase, Rules
from gatefw.model import (
    CodeGlimpsed,
    CodeScanned,
    CodesConflicted,
    Credential,
    Decoder,
    Device,
    DeviceFailed,
    EventKind,
    FireSensed,
    FrameRead,
    Input,
    Instant,
    Reading,
    Record,
    Recorded,
    Refusal,
    Report,
    Scan,
    Signal,
    TemperatureRead,
    Ticked,
)
from gatefw.ports import Observation
from gatefw.simulation.issuer import Issuer

START_UTC: Final = 1_600_000_000.0
JILIN: Final = Issuer.jixiang(1)
TRUST: Final = TrustStore.from_files(JILIN.trust_files())
RULES: Final = Rules(
    fever=FeverRules(samples=2, settling_s=0.14, frozen_samples=2, max_tries=1), feedback_fitted=False, debounce_s=0.0
)
ANNA: Final = b"anna" * 4


def _word(log: list[str], word: str) -> Callable[[], None]:
    return lambda: log.append(word)


class Barrier:
    """A barrier that writes down what it is told."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.withdraw = _word(log, "withdraw")
        self.free_egress = _word(log, "free egress")
        self.beat = _word(log, "beat")

    def release(self, hold_s: float) -> None:
        self.log.append(f"release {hold_s}")


class Lamps:
    """An indicator that writes down what it is told."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def show(self, signal: Signal, at_s: float) -> None:
        self.log.append(f"show {signal}")

    def refresh(self, at_s: float) -> None:
        self.log.append("refresh")


class Watch:
    """A watchdog that writes down what it is told."""

    def __init__(self, log: list[str]) -> None:
        self.ready = _word(log, "ready")
        self.beat = _word(log, "feed")


@dataclass(kw_only=True)
class Card:
    """A recorder that keeps its jobs and answers nothing by itself."""

    log: list[str]
    jobs: list[Record | Report] = field(default_factory=list)

    def submit(self, job: Record | Report) -> None:
        self.jobs.append(job)
        self.log.append(f"submit {job.event.kind}")

    def records(self) -> list[Record]:
        return [job for job in self.jobs if isinstance(job, Record)]


class Time:
    """A clock and an inbox in one: waiting is what moves the time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waiting: deque[Observation] = deque()
        self.asked_s: list[float] = []

    def now(self) -> Instant:
        return Instant(mono_s=self.now_s, wall_utc=START_UTC + self.now_s, uncertainty_s=0.0, trusted=True)

    def put(self, observation: Observation) -> None:
        self.waiting.append(observation)

    def get(self, until_s: float) -> Observation | None:
        self.asked_s.append(until_s)
        if self.waiting:
            return self.waiting.popleft()
        self.now_s = max(self.now_s, until_s)
        return None


class Bench:
    """A loop between a clock and devices that remember."""

    def __init__(self, *monitors: Callable[[Instant], Input | None]) -> None:
        self.log: list[str] = []
        self.turned: list[Turned] = []
        self.time = Time()
        self.card = Card(log=self.log)
        devices = Devices(
            clock=self.time,
            inbox=self.time,
            recorder=self.card,
            barrier=Barrier(self.log),
            indicator=Lamps(self.log),
            watchdog=Watch(self.log),
            monitors=monitors,
        )
        known = Known(rules=RULES, trust=TRUST, site_secret=bytes(32))
        begin = gate.start(self.time.now(), frozenset())
        self.daemon = Daemon(devices=devices, known=known, begin=begin, watch=self.turned.append)
        self.begun = list(self.log)
        self.log.clear()

    def give(self, observation: Observation) -> Input:
        """Let the loop take one observation; returns the input that became of it."""
        self.time.put(observation)
        before = len(self.turned)
        self.daemon.turn()
        return self.turned[before].input

    def feel(self, object_c: float, times: int) -> None:
        for _ in range(times):
            self.time.now_s += 0.14
            word = len(self.turned)
            reading = Reading(
                object_c=object_c, ambient_c=24.0, object_raw=word, ambient_raw=word, at_s=self.time.now_s
            )
            self.give(TemperatureRead(reading=reading))

    def green(self, subject: bytes = ANNA) -> str:
        return JILIN.jx1(iat=START_UTC + self.time.now_s, sub=subject)

    def granted(self) -> Record:
        """Bring a visitor as far as the grant that the card is asked for."""
        self.daemon.turn()
        self.feel(35.5, 2)
        self.give(frame(self.green()))
        (record,) = self.card.records()
        return record


def frame(*texts: str, glimpsed: bool = False) -> FrameRead:
    scans = tuple(Scan(text=text, decoder=Decoder.ZXING, inverted=False) for text in texts)
    return FrameRead(number=1, captured_s=0.0, handed_s=0.0, scans=scans, glimpsed=glimpsed, decode_s=0.0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# ---------------------------------------------------------------- turning


def test_it_begins_withdrawn_and_tells_that_it_has_started(bench: Bench) -> None:
    assert bench.begun == ["withdraw", "submit started", "show starting"]


def test_a_step_is_carried_out_then_shown_then_proven_alive(bench: Bench) -> None:
    bench.daemon.turn()
    assert bench.log == ["show ready", "refresh", "beat", "feed"]


def test_it_never_sleeps_longer_than_a_beat(bench: Bench) -> None:
    for _ in range(50):
        before_s = bench.time.now_s
        bench.daemon.turn()
        assert bench.time.asked_s[-1] <= before_s + BEAT_S
    assert bench.log.count("beat") == 50


def test_it_wakes_earlier_when_a_deadline_comes_earlier(bench: Bench) -> None:
    bench.granted()
    due_s = gate.next_deadline(bench.daemon.state, bench.time.now_s, RULES)
    assert due_s is not None
    bench.time.now_s = due_s - BEAT_S / 5
    bench.daemon.turn()
    assert bench.time.asked_s[-1] == pytest.approx(due_s)


def test_what_a_monitor_notices_is_a_step_of_its_own() -> None:
    noticed: deque[Input | None] = deque([None, DeviceFailed(device=Device.TRUST, fault="trust_expired"), None])
    bench = Bench(lambda now: noticed.popleft())
    for _ in range(3):
        bench.daemon.turn()
    assert [type(turned.input) for turned in bench.turned] == [Ticked, Ticked, DeviceFailed, Ticked]
    assert bench.daemon.state.phase is Phase.OUT_OF_SERVICE


def test_it_stops_after_the_step_under_way_and_leaves_the_barrier_withdrawn(bench: Bench) -> None:
    bench.daemon.stop()
    bench.daemon.run()
    assert bench.log == ["withdraw"]


def test_a_loop_that_fails_leaves_the_barrier_withdrawn() -> None:
    def fail(now: Instant) -> Input | None:
        raise RuntimeError("a monitor failed")

    bench = Bench(fail)
    with pytest.raises(RuntimeError, match="a monitor failed"):
        bench.daemon.run()
    assert bench.log[-1] == "withdraw"


# ---------------------------------------------------------------- frames


def test_two_different_codes_in_a_frame_are_two_people(bench: Bench) -> None:
    assert bench.give(frame(bench.green(), bench.green(b"bert" * 4))) == CodesConflicted()


def test_the_same_code_read_twice_is_one(bench: Bench) -> None:
    assert isinstance(bench.give(frame(bench.green(), bench.green())), CodeScanned)


def test_a_code_that_was_only_seen_is_a_glimpse_and_an_empty_frame_is_time(bench: Bench) -> None:
    assert bench.give(frame(glimpsed=True)) == CodeGlimpsed()
    assert bench.give(frame()) == Ticked()


def test_a_person_leaves_the_verifying_call_as_a_key_only(bench: Bench) -> None:
    anna, bert = bench.give(frame(bench.green())), bench.give(frame(bench.green(b"bert" * 4)))
    assert isinstance(anna, CodeScanned)
    assert isinstance(bert, CodeScanned)
    assert isinstance(anna.outcome, Credential)
    assert anna.outcome.subject == b""
    assert anna.person not in (None, bert.person)
    assert ANNA not in repr(bench.turned).encode()


def test_another_sites_secret_makes_other_keys() -> None:
    ours, theirs = Bench(), Bench()
    theirs.daemon._known = replace(theirs.daemon._known, site_secret=bytes(31) + b"1")
    mine, other = ours.give(frame(ours.green())), theirs.give(frame(theirs.green()))
    assert isinstance(mine, CodeScanned)
    assert isinstance(other, CodeScanned)
    assert mine.person != other.person
    assert mine.code == other.code


@effort(max_examples=150, deadline=None)
@examples(
    prefix=st.sampled_from(["", "JX1:", "HC1:", "JXT:", "shc:/"]),
    body=st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=()), max_size=300),
)
def test_any_text_becomes_an_input_and_none_an_exception(prefix: str, body: str) -> None:
    given = Bench().give(frame(prefix + body))
    assert isinstance(given, CodeScanned)
    assert isinstance(given.outcome, Refusal)
    assert (given.person, given.code) == (None, None)


# ---------------------------------------------------------------- a grant


def test_the_relay_waits_for_the_card(bench: Bench) -> None:
    record = bench.granted()
    assert not [word for word in bench.log if word.startswith("release")]
    bench.give(Recorded(grant_id=record.grant_id))
    assert bench.log[-5:] == [f"release {RULES.hold_s}", "show pass", "refresh", "beat", "feed"]


def test_a_commit_that_comes_late_opens_nothing_and_is_taken_back(bench: Bench) -> None:
    record = bench.granted()
    bench.time.now_s += RULES.record_s
    bench.daemon.turn()
    assert bench.daemon.state.phase is Phase.OUT_OF_SERVICE
    bench.give(Recorded(grant_id=record.grant_id))
    assert not [word for word in bench.log if word.startswith("release")]
    (unused,) = [job for job in bench.card.jobs if job.event.kind is EventKind.NOT_USED]
    assert record.spend is not None
    assert isinstance(unused, Report)
    assert (unused.event.grant_id, unused.give_back) == (record.grant_id, record.spend.code)


def test_the_time_from_frame_to_relay_is_told_when_the_temperature_was_ready(bench: Bench) -> None:
    record = bench.granted()
    bench.give(Recorded(grant_id=record.grant_id))
    (told,) = [turned.latency_s for turned in bench.turned if turned.latency_s is not None]
    assert told > 0.0


def test_it_is_not_told_when_the_temperature_came_last(bench: Bench) -> None:
    bench.daemon.turn()
    bench.give(frame(bench.green()))
    bench.feel(35.5, 1)
    bench.give(frame(bench.green()))
    bench.feel(35.5, 1)
    (record,) = bench.card.records()
    bench.give(Recorded(grant_id=record.grant_id))
    assert "show pass" in bench.log
    assert [turned.latency_s for turned in bench.turned if turned.latency_s is not None] == []


def test_fire_opens_the_way_out_without_asking_the_card(bench: Bench) -> None:
    bench.daemon.turn()
    bench.give(FireSensed(active=True))
    bench.daemon.turn()
    assert "free egress" in bench.log
    assert bench.daemon.state.signal is Signal.FIRE
