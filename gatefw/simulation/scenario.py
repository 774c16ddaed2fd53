"""A scenario file: who comes to the gate, what else happens, and what a bystander and central ops must see of it.

It is TOML that a technician can read: `title` and `shows` in words, `[settings.SECTION]` with options of gate.toml,
`[[visitor]]`, `[[happens]]` and `[expect]`; `script` declares what may stand in them. Everything wrong is found in one
reading, and all of it becomes a SettingsError.

The thermometer's noise follows the seed, so a file's intervals hold for the seed that it was written with (the usual
1); with another one a measurement may come out steady a little later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from gatefw.errors import SettingsError
from gatefw.model import Device, EventKind, Reason, Signal
from gatefw.options import Section, nearest, parse, section, shown
from gatefw.settings import Settings, overridden
from gatefw.simulation.casting import planned
from gatefw.simulation.rehearsal import Play
from gatefw.simulation.report import Happening, Switch
from gatefw.simulation.script import Expect, File, Happens, Phone, Visitor
from gatefw.simulation.visitors import VisitorPlan

S = TypeVar("S", bound=Section)
REASONS: Final = (*Reason, EventKind.FORCED_OPEN, EventKind.TAILGATING)
"""What may stand behind `because`: a reason, or the alarm that took its place."""


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

    Raises SettingsError with a line for everything wrong, `corpora_missing` if it needs pictures and
    that folder is not there.
    """
    problems: list[str] = []
    scenario = _Reading(path, parse(path), problems).scenario(base, corpora)
    if problems:
        raise SettingsError("scenario_invalid", "\n".join(f"{path}: {problem}." for problem in problems))
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
        if not visitors and not self._problems:
            self._problems.append("nobody comes: write [[visitor]] once for each who does")
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
            self._problems.append("it doesn't say what it is about: write title = … and shows = … above the tables")
        return top

    def _section(self, name: str, table: object, base: S) -> S:
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
        for key, what in (
            ("relay", "[] for never"),
            ("signs", "those of docs/signals.md"),
            ("events", "in their order"),
        ):
            if key not in table:
                self._problems.append(f"[expect] says nothing of {key}: write {key} = [ … ] ({what})")
        expect = self._section("expect", table, Expect())
        self._problems += _wrong_spans(expect.relay)
        self._problems += _wrong_signs(expect.signs)
        self._problems += [problem for event in expect.events for problem in _wrong_event(event)]
        return expect

    # ------------------------------------------------------------ visitors

    def _visitors(self, tables: Sequence[object]) -> Iterator[tuple[str, Visitor]]:
        for number, given in enumerate(tables, start=1):
            name = f"visitor {number}"
            table = dict(self._table(name, given))
            phone = self._phone(name, table.pop("phone", {}))
            if "gets" not in table:
                self._problems.append(f'[{name}] says not what the gate must do: write gets = "admitted" or another')
            visitor = self._section(name, table, Visitor(phone=phone))
            self._problems += _wrong_reason(name, visitor.because)
            yield name, visitor

    def _phone(self, name: str, given: object) -> Phone:
        if isinstance(given, dict):
            return section(f"{name} phone", given, Phone(), self._problems)
        self._problems.append(f"[{name}] phone must be a table: write phone = {{ size = 0.5 }} or the like")
        return Phone()

    def _plans(self, visitors: Sequence[tuple[str, Visitor]], corpora: Path) -> Iterator[VisitorPlan]:
        number = 0
        for name, visitor in visitors:
            for _ in range(visitor.repeat):
                number += 1
                try:
                    yield planned(number, visitor, corpora)
                except ValueError as error:
                    self._problems.append(f"[{name}] {str(error).removesuffix('.')}")
                    break


# ---------------------------------------------------------------- what may be expected


def _wrong_spans(spans: Sequence[tuple[float, float]]) -> list[str]:
    edges_s = [edge_s for span in spans for edge_s in span]
    if edges_s == sorted(set(edges_s)):
        return []
    return ["[expect] relay must be intervals one after the other: [[on, off], [on, off]], in seconds from the start"]


def _wrong_signs(signs: Sequence[str]) -> list[str]:
    return [f"[expect] signs: there is no sign {shown(sign)}{nearest(sign, Signal)}" for sign in signs
            if sign not in tuple(Signal)]  # fmt: skip


def _wrong_event(event: str) -> list[str]:
    """An event is `kind`, `kind: reason`, or `fault: device fault` (a fault's own name is free)."""
    kind, colon, detail = event.partition(": ")
    if kind not in tuple(EventKind):
        return [f"[expect] events: there is no event {shown(kind)}{nearest(kind, EventKind)}"]
    if not colon:
        return []
    known = tuple(Device) if kind.startswith(EventKind.FAULT) else tuple(Reason)
    word = detail.split(" ")[0]
    return (
        [] if word in known else [f"[expect] events: {shown(event)}: there is no {shown(word)}{nearest(word, known)}"]
    )


def _wrong_reason(name: str, because: str) -> list[str]:
    if because in ("", *REASONS):
        return []
    return [f"[{name}] because: there is no reason {shown(because)}{nearest(because, REASONS)}"]
