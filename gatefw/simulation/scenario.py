"""A scenario file: who comes to the gate, what else happens, and what a bystander and central ops must see of it.

It is TOML that a technician can read: `title` and `shows` in words, `[settings.SECTION]` with options of gate.toml,
`[[visitor]]`, `[[happens]]` and `[expect]`. One declaration per option gives its meaning and what is allowed.
Everything wrong is found in one reading, and the first of it becomes a SettingsError.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta

from gatefw.errors import SettingsError
from gatefw.model import Device, EventKind, Reason, Signal
from gatefw.options import Section, nearest, parse, section, shown
from gatefw.settings import Settings, overridden
from gatefw.simulation.rehearsal import Play
from gatefw.simulation.report import Happening, Switch
from gatefw.simulation.visitors import QR_LIMIT, Code, Expected, Order, Pose, VisitorPlan

MOST_VISITORS: Final = 1000

FetchedCode = Literal[
    "none", "green", "yellow", "orange", "red", "black_and_white", "expired", "forged", "hc1_green", "foreign_text"
]
"""The codes that a phone can have; texts, bytes and pictures are given by options of their own."""

First = Literal["together", "phone", "face"]
_ORDERS: Final[Mapping[First, Order]] = {"together": Order.WITH_FACE, "phone": Order.FIRST, "face": Order.AFTER}
_Fault = Literal["none", "nak", "nak_burst", "pec", "error_flag", "ones", "zeros", "frozen", "stuck", "swapped"]
_Switch = Literal[
    "blank_frames", "camera_stall", "heartbeat_cut", "fire_panel", "fire_line_cut", "tamper", "key", "relay_welded"
]
_UNNAMED: Final = ""
_Second = Annotated[float, Meta(ge=0, le=86_400)]


def _within(low: float, high: float, description: str) -> Meta:
    return Meta(ge=low, le=high, description=description)


def _words(description: str) -> Meta:
    return Meta(max_length=2000, description=description, extra={"form": "text"})


class File(Section, frozen=True):
    """What stands above the tables."""

    title: Annotated[str, _words("what this scenario is about, in a line")] = _UNNAMED
    shows: Annotated[str, _words("what it shows, in words")] = _UNNAMED
    air_c: Annotated[float, _within(-20, 60, "temperature of the hall, °C")] = 22.0


class Phone(Section, frozen=True):
    """How a phone, or a sheet of paper, is held before the camera."""

    size: Annotated[float, _within(0.05, 1.5, "side of the code, as a part of the frame's height")] = 0.5
    x: Annotated[float, _within(0, 1, "place in the frame, left to right")] = 0.5
    y: Annotated[float, _within(0, 1, "place in the frame, top to bottom")] = 0.5
    roll_deg: Annotated[float, _within(-180, 180, "turned in the picture's plane")] = 0.0
    yaw_deg: Annotated[float, _within(-60, 60, "tilted about the vertical")] = 0.0
    pitch_deg: Annotated[float, _within(-60, 60, "tilted about the horizontal")] = 0.0
    blur_px: Annotated[float, _within(0, 40, "out of focus")] = 0.6
    motion_px: Annotated[float, _within(0, 120, "smeared by a moving hand")] = 0.0
    brightness: Annotated[float, _within(0, 1, "of the screen")] = 0.8
    glare: Annotated[float, _within(0, 1, "a lamp reflected on it")] = 0.0
    covered: Annotated[float, _within(0, 1, "part hidden by a thumb")] = 0.0
    dark_mode: Annotated[bool, Meta(description="light modules on a dark screen")] = False
    paper: Annotated[bool, Meta(description="a printed code")] = False


class Visitor(Section, frozen=True):
    """One visitor (or `repeat` of the same sort, one after the other)."""

    kind: Annotated[str, _words("what to call this sort of visitor")] = _UNNAMED
    code: Annotated[FetchedCode, Meta(description="code on the phone")] = "none"
    companion: Annotated[FetchedCode, Meta(description="code on a second phone beside the first")] = "none"
    same_person_as: Annotated[int, _within(0, MOST_VISITORS, "number of the visitor who comes back; 0 = nobody")] = 0
    text: Annotated[str, Meta(max_length=QR_LIMIT, description="show this text", extra={"form": "text"})] = _UNNAMED
    text_times: Annotated[int, _within(1, QR_LIMIT, "show the text so many times over, in one code")] = 1
    text_parts: Annotated[int, _within(1, 16, "spread the text over so many codes, show the first of them")] = 1
    bytes_hex: Annotated[
        str, Meta(pattern=r"^([0-9a-fA-F]{2} ?)*\Z", description="show these bytes", extra={"form": "hex digits"})
    ] = _UNNAMED
    picture: Annotated[str, _words("show this picture of the test data, by its path there")] = _UNNAMED
    phone: Annotated[Phone, Meta(description="how it is held", extra={"form": "a table"})] = Phone()
    forehead_c: Annotated[float, _within(15, 45, "temperature of the skin, °C")] = 35.9
    first: Annotated[First, Meta(description="what comes first: phone or face")] = "together"
    forces_entry: Annotated[bool, Meta(description="pushes through the barrier")] = False
    followed: Annotated[bool, Meta(description="somebody walks in right behind")] = False
    uses_grant: Annotated[bool, Meta(description="walks through when the arrow is lit")] = True
    sensor_fault: Annotated[_Fault, Meta(description="what the thermometer suffers meanwhile")] = "none"
    waits_s: Annotated[float, _within(0, 3600, "how long the lane stands empty before")] = 2.0
    not_before_s: Annotated[_Second, Meta(description="comes no earlier, seconds from the start")] = 0.0
    patience_s: Annotated[float, _within(1, 600, "leaves without a sign after")] = 25.0
    repeat: Annotated[int, _within(1, MOST_VISITORS, "so many of them")] = 1
    gets: Annotated[Expected, Meta(description="what the gate must make of this visitor")] = "refused"
    because: Annotated[str, _words("for this reason; empty = any")] = _UNNAMED


class Happens(Section, frozen=True):
    """Something is done to the yard."""

    after_s: Annotated[_Second, Meta(description="seconds from the start")] = 0.0
    switch: Annotated[_Switch, Meta(description="what is switched")] = "blank_frames"
    on: Annotated[bool, Meta(description="on or off")] = True


class Expect(Section, frozen=True):
    """What must be seen from outside."""

    relay: Annotated[
        tuple[tuple[_Second, _Second], ...],
        Meta(description="when the relay's coil is on", extra={"form": "a list of [on, off], in seconds"}),
    ] = ()
    tolerance_s: Annotated[float, _within(0.02, 5, "how far an edge of the relay may be off")] = 0.3
    signs: Annotated[
        tuple[str, ...], Meta(description="the signs, as the lamps show them", extra={"form": "a list of signs"})
    ] = ()
    events: Annotated[
        tuple[str, ...],
        Meta(description="what the broker is told", extra={"form": 'a list of "kind" or "kind: reason"'}),
    ] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A scenario to rehearse. `because[n]` is the reason that visitor n + 1 must get (empty: any)."""

    path: Path
    title: str
    shows: str
    settings: Settings
    plans: tuple[VisitorPlan, ...]
    because: tuple[str, ...]
    happenings: tuple[Happening, ...]
    air_c: float
    expect: Expect

    def play(self, seed: int, *, blank_frames: bool = False) -> Play:
        """Give what is to be rehearsed."""
        return Play(
            plans=self.plans,
            seed=seed,
            settings=self.settings,
            happenings=self.happenings,
            blank_frames=blank_frames,
            ambient_c=self.air_c,
        )


def load(path: Path, base: Settings, corpora: Path) -> Scenario:
    """Read a scenario; `base` are the settings that it changes, `corpora` the folder of its pictures.

    Raises SettingsError with one sentence (and how many more there are), `corpora_missing` if it needs pictures and
    that folder is not there.
    """
    problems: list[str] = []
    scenario = _Reading(path, parse(path), problems).scenario(base, corpora)
    if problems:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SettingsError("scenario_invalid", f"{path}: {problems[0]}.{more}")
    return scenario


class _Reading:
    """One file being read. Every problem is added to `problems`; values that are wrong keep their defaults."""

    def __init__(self, path: Path, tables: dict[str, Any], problems: list[str]) -> None:
        self._path = path
        self._tables = tables
        self._problems = problems

    def scenario(self, base: Settings, corpora: Path) -> Scenario:
        tables = dict(self._tables)
        settings = overridden(base, self._table("settings", tables.pop("settings", {})), self._problems)
        visitors = list(self._visitors(self._list("visitor", tables.pop("visitor", []))))
        happens = [self._section(f"happens {n}", table, Happens())
                   for n, table in enumerate(self._list("happens", tables.pop("happens", [])), start=1)]  # fmt: skip
        expect = self._expect(tables.pop("expect", None))
        top = self._top(tables)
        return Scenario(
            path=self._path,
            title=top.title,
            shows=top.shows,
            settings=settings,
            plans=tuple(self._plans(visitors, corpora)),
            because=tuple(visitor.because for _, visitor in visitors for _ in range(visitor.repeat)),
            happenings=tuple(Happening(after_s=h.after_s, switch=Switch(h.switch), on=h.on) for h in happens),
            air_c=top.air_c,
            expect=expect,
        )

    # ------------------------------------------------------------ tables

    def _top(self, tables: Mapping[str, Any]) -> File:
        known = (*File.__struct_fields__, "settings", "visitor", "happens", "expect")
        for key in tables:
            if key not in File.__struct_fields__:
                self._problems.append(f"there is no {shown(key)}{nearest(key, known)}")
        top = self._section("the file", {k: v for k, v in tables.items() if k in File.__struct_fields__}, File())
        if not top.title or not top.shows:
            self._problems.append("it says not what it shows: write title = … and shows = … above the tables")
        return top

    def _section[S: Section](self, name: str, table: object, base: S) -> S:
        return section(name, self._table(name, table), base, self._problems)

    def _table(self, name: str, given: object) -> dict[str, Any]:
        if isinstance(given, dict):
            return given
        self._problems.append(f"{name} must be a table: write [{name}] on a line of its own")
        return {}

    def _list(self, name: str, given: object) -> list[object]:
        if isinstance(given, list):
            return given
        self._problems.append(f"{name} must be a list of tables: write [[{name}]] on a line of its own for each")
        return []

    def _expect(self, given: object) -> Expect:
        table = self._table("expect", {} if given is None else given)
        for key, what in (("relay", "[] for never"), ("signs", "those of SIGNALS"), ("events", "in their order")):
            if key not in table:
                self._problems.append(f"[expect] says nothing of {key}: write {key} = [ … ] ({what})")
        expect = self._section("expect", table, Expect())
        self._problems += _wrong_spans(expect.relay)
        self._problems += _wrong_words("signs", expect.signs)
        self._problems += [problem for event in expect.events for problem in _wrong_event(event)]
        return expect

    # ------------------------------------------------------------ visitors

    def _visitors(self, tables: Sequence[object]) -> Iterator[tuple[str, Visitor]]:
        for number, given in enumerate(tables, start=1):
            name = f"visitor {number}"
            table = dict(self._table(name, given))
            phone = self._section(f"{name} phone", table.pop("phone", {}), Phone())
            if "gets" not in table:
                self._problems.append(f'[{name}] says not what the gate must do: write gets = "admitted" or another')
            visitor = self._section(name, table, Visitor(phone=phone))
            self._problems += _wrong_reason(name, visitor.because)
            yield name, visitor

    def _plans(self, visitors: Sequence[tuple[str, Visitor]], corpora: Path) -> Iterator[VisitorPlan]:
        number = 0
        for name, visitor in visitors:
            for _ in range(visitor.repeat):
                number += 1
                try:
                    yield _plan(number, visitor, corpora)
                except ValueError as error:
                    self._problems.append(f"[{name}] {error}")
                    break
