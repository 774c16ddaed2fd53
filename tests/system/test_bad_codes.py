"""Codes that are anything at all, one after the other: each gets a sign, none gets in, and the gate serves on."""

import base64
import io
import multiprocessing
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import base45
import cbor2
import pytest
import segno

from gatefw import settings
from gatefw.daemon import Turned
from gatefw.model import Signal
from gatefw.simulation import account
from gatefw.simulation.issuer import Issuer, as_hc1, as_jx1, message_of, parts_of, with_parts
from gatefw.simulation.rehearsal import VIRTUAL_START_UTC, Outcome, Play, rehearse
from gatefw.simulation.visitors import Code, Order, VisitorPlan

JILIN: Final = Issuer.jixiang(1)
IAT: Final = VIRTUAL_START_UTC + 30.0
GREEN: Final = JILIN.jx1(iat=IAT)
WORKER_LIMIT_MB: Final = 150
"""The worker with numpy and both decoders loaded stays far below; a bomb that was unpacked would not."""
ANSWERS: Final = frozenset({Signal.RETRY, Signal.DESK, Signal.ONE_PERSON})


def _signed(algorithm: int | None, key_id: bytes, signature: bytes) -> str:
    protected = {4: key_id} if algorithm is None else {1: algorithm, 4: key_id}
    return as_jx1(cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(protected), {}, parts_of(GREEN)[0], signature])))


def _picture(code: segno.QRCode) -> bytes:
    file = io.BytesIO()
    code.save(file, kind="png", scale=4, border=4)
    return file.getvalue()


def _bomb(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def _b45(raw: bytes) -> str:
    return str(base45.b45encode(raw), "ascii")


LITERALS: Final[dict[str, str]] = {
    "address": "https://example.org/?q=%00%0a&next=javascript:alert(1)",
    "payment": "wxp://f2f0aBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
    "wifi": "WIFI:T:WPA;S:hall;P:secret;;",
    "shell": "$(reboot); `rm -rf /` | cat /etc/shadow > /dev/sda",
    "sql": "'; DROP TABLE event; --",
    "path": "../../../../etc/passwd\x00.png",
    "format string": "%s%s%n{0.__class__}\u202e\ud7ff\uffff\x1b[2J",
    "prefix alone": "JX1:",
    "wrong prefix": GREEN.replace("JX1:", "jx1:"),
    "HC1 of noise": "HC1:" + _b45(bytes(range(200))),
    "base45 out of range": "HC1:" + ":::" * 60,
    "zlib bomb": "HC1:" + _b45(_bomb(200_000)),
    "nested bomb": "HC1:" + _b45(zlib.compress(_bomb(2_500_000), 9)),
    "deep cbor": "JX1:" + _b45(b"\x81" * 300),
    "huge length": "JX1:" + _b45(b"\xd2\x84\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    "no algorithm": _signed(None, JILIN.key_id, parts_of(GREEN)[1]),
    "algorithm none": _signed(0, JILIN.key_id, b""),
    "another algorithm": _signed(5, JILIN.key_id, bytes(32)),
    "unknown key": Issuer.jixiang(99).jx1(iat=IAT),
    "forged": JILIN.impostor().jx1(iat=IAT),
    "no claims": with_parts(GREEN, payload=b"\xa0"),
    "a JX1 in an HC1": as_hc1(message_of(GREEN)),
    "a token": "JXT:" + base64.urlsafe_b64encode(bytes(32)).decode().rstrip("="),
}
BINARIES: Final[dict[str, bytes]] = {
    "zeros": bytes(60),
    "every byte": bytes(range(256)),
    "half a character": b"JX1:\xed\xa0\x80\xff\xfe\xc3",
}
PICTURES: Final[dict[str, bytes]] = {
    "version 40": _picture(segno.make("x" * 2900, version=40, error="l")),
    "full of bomb": _picture(segno.make("HC1:" + _b45(_bomb(2_500_000)), error="l")),
    "one of several": _picture(segno.make_sequence(GREEN * 3, symbol_count=4)[0]),
    "no picture of a code": _picture(segno.make("m", micro=True)),
}
HOSTILE: Final = (*LITERALS, *BINARIES, *PICTURES)


def _plan(number: int, kind: str) -> VisitorPlan:
    code, literal, raw = Code.GREEN, LITERALS.get(kind), BINARIES.get(kind, PICTURES.get(kind))
    if literal is not None:
        code = Code.LITERAL
    elif raw is not None:
        code = Code.BINARY if kind in BINARIES else Code.PICTURE
    return VisitorPlan(
        number=number,
        kind=kind,
        expected="admitted" if code is Code.GREEN else "refused",
        code=code,
        literal=literal,
        raw=raw,
        order=Order.WITH_FACE,
        gap_s=1.5,
    )


@dataclass(kw_only=True)
class Watched:
    """What was seen while it went on: signs, and the memory of each worker at its largest (MB)."""

    signs: list[tuple[float, Signal]] = field(default_factory=list)
    workers_mb: dict[int, float] = field(default_factory=dict)

    def watch(self, turned: Turned) -> None:
        if not self.signs or self.signs[-1][1] is not turned.state.signal:
            self.signs.append((turned.now.mono_s, turned.state.signal))
            for child in multiprocessing.active_children():
                if child.name == "gatefw-reader" and child.pid is not None:
                    self.workers_mb[child.pid] = _largest_mb(child.pid)

    def between(self, from_s: float, to_s: float) -> set[Signal]:
        return {sign for at_s, sign in self.signs if from_s <= at_s < to_s}


def _largest_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def shown() -> tuple[Outcome, Watched]:
    """Each hostile code once, then a good one."""
    watched = Watched()
    plans = tuple(_plan(number, kind) for number, kind in enumerate((*HOSTILE, "green"), start=1))
    outcome = rehearse(Play(plans=plans, seed=1, settings=settings.defaults()), watch=watched.watch)
    return outcome, watched


def _spans(outcome: Outcome) -> dict[str, tuple[float, float]]:
    arrived = [(span.kind, span.arrived_s or 0.0) for span in outcome.report.visitors]
    ends = [at_s for _, at_s in arrived[1:]] + [outcome.report.now_s]
    return {kind: (begin_s, end_s) for (kind, begin_s), end_s in zip(arrived, ends, strict=True)}


@pytest.mark.parametrize("kind", HOSTILE)
def test_whoever_shows_it_gets_a_sign(kind: str, shown: tuple[Outcome, Watched]) -> None:
    outcome, watched = shown
    assert watched.between(*_spans(outcome)[kind]) & ANSWERS


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("address", "foreign"),
        ("zlib bomb", "oversize"),
        ("full of bomb", "oversize"),
        ("version 40", "foreign"),
        ("deep cbor", "malformed"),
        ("one of several", "malformed"),
        ("algorithm none", "algorithm"),
        ("another algorithm", "algorithm"),
        ("unknown key", "unknown_issuer"),
        ("forged", "signature"),
        ("a JX1 in an HC1", "scope"),
    ],
)
def test_it_was_read_and_is_refused_for_what_it_is(kind: str, reason: str, shown: tuple[Outcome, Watched]) -> None:
    assert [each.reason for each in account.visitors(shown[0]) if each.kind == kind] == [reason]


def test_nobody_gets_in_but_the_one_with_a_good_code(shown: tuple[Outcome, Watched]) -> None:
    outcome, _ = shown
    last = len(outcome.report.visitors)
    assert [passage.visitor for passage in outcome.report.passages] == [last]
    begins_s, _ = _spans(outcome)["green"]
    assert [span.on_s >= begins_s for span in outcome.report.relay_line] == [True]


def test_one_reader_lived_through_it_and_stayed_small(shown: tuple[Outcome, Watched]) -> None:
    _, watched = shown
    assert len(watched.workers_mb) == 1
    assert max(watched.workers_mb.values()) < WORKER_LIMIT_MB


def test_every_event_came_and_none_tells_what_was_shown(shown: tuple[Outcome, Watched]) -> None:
    outcome, _ = shown
    total: dict[str, Any] = account.summary(outcome, account.visitors(outcome))["summary"]
    assert (total["missing"], total["duplicates"]) == (0, 0)
    assert not [event for event in account.events(outcome) if event.kind == "fault"]
    said = repr([heard.event for heard in outcome.heard])
    assert not [kind for kind, text in LITERALS.items() if text in said]
