"""A bystander who has learnt the signs by heart: from the lamps alone, which sign was shown when.

The lamps' log (what an eye sees: dark, dimmed or lit) is explained by the fewest signs of the gate's one table, each
begun afresh; an edge may come `SLACK_S` early or late. What nobody could tell from the lamps is not told here either:
a sign shorter than `SHORTEST_S`, or one cut off before it differs from another (then the upper row of the table is
named; so a hand that has only just been lit is `measure`, unless the lamps were dark before: then `starting`). Without
an exit arrow `fire` looks like `out_of_service`. `unclear` is anything that no sign explains.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from gatefw.drivers.indicator import Kind, lamps
from gatefw.drivers.indicator.lights import LEVEL_STEPS
from gatefw.model import Signal
from gatefw.simulation.sight import LampsSeen, coarse
from gatefw.simulation.wiring import LAMPS

SLACK_S: Final = 0.08
"""The loop sets the lamps at least every 0.05 s; the rest is the rounding of levels."""
SHORTEST_S: Final = 0.3
"""A flash of 1 Hz and one of 2 Hz differ after a quarter of a second."""
DARK_S: Final = 2.2
"""The longest that a sign leaves all lamps dark is 2 s (plain lamps, 0.25 Hz)."""
GRID_S: Final = 0.01
CYCLE_S: Final = 20.0
"""A common multiple of all cycles of the table (0.25 Hz to 2 Hz, and groups of 2 and 2.5 s)."""
UNCLEAR_COST: Final = 4
"""Signs are sought as long as fewer than so many of them explain what would else be unclear."""

UNCLEAR: Final = "unclear"
Levels = tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignSeen:
    """This sign was recognised from `from_s` to `to_s` (seconds, the clock of the log)."""

    sign: str
    from_s: float
    to_s: float


def signs_seen(log: Sequence[LampsSeen], until_s: float, kind: Kind, fitted: frozenset[str]) -> tuple[SignSeen, ...]:
    """Say which signs the lamps named in `fitted` showed, from the log's first entry to `until_s`."""
    seen = _Seen(log, until_s)
    if not seen.starts_s:
        return ()
    return tuple(_merged(_explain(seen, _looks(kind, fitted))))


class _Seen:
    """What was to be seen over time: levels of LAMPS from each change to the next."""

    def __init__(self, log: Iterable[LampsSeen], until_s: float) -> None:
        levels = {entry.at_s: tuple(dict(entry.lamps).get(name, 0.0) for name in LAMPS) for entry in log}
        changes = [item for item in sorted(levels.items()) if item[0] < until_s]
        kept = changes[:1] + [after for before, after in pairwise(changes) if after[1] != before[1]]
        self.starts_s = [at_s for at_s, _ in kept]
        self.levels = [level for _, level in kept]
        self.until_s = until_s

    def at(self, at_s: float) -> Levels:
        return self.levels[max(0, bisect_right(self.starts_s, at_s) - 1)]

    def spans(self, from_s: float) -> Iterator[tuple[float, float, Levels]]:
        """Give each span of equal levels from `from_s` on: begin, end, levels."""
        first = max(0, bisect_right(self.starts_s, from_s) - 1)
        ends_s = (*self.starts_s[1:], self.until_s)
        for begin_s, end_s, levels in zip(self.starts_s[first:], ends_s[first:], self.levels[first:], strict=True):
            yield max(begin_s, from_s), end_s, levels

    def was_dark_before(self, at_s: float) -> bool:
        """The log begins here, or the lamps were out for longer than any sign leaves them."""
        index = bisect_left(self.starts_s, at_s)
        return index == 0 or (not any(self.levels[index - 1]) and at_s - self.starts_s[index - 1] > DARK_S)


class _Look:
    """One sign's levels over a cycle, as changes: at `changes_s[n]` it turns to `levels[n]`."""

    def __init__(self, sign: Signal, kind: Kind, fitted: frozenset[str]) -> None:
        self.changes_s: list[float] = []
        self.levels: list[Levels] = []
        for step in range(round(2.5 * CYCLE_S / GRID_S)):
            at_s = step * GRID_S
            shown = lamps(sign, at_s + GRID_S / 2, kind)
            levels = tuple(_seen_as(getattr(shown, name)) if name in fitted else 0.0 for name in LAMPS)
            if not self.levels or levels != self.levels[-1]:
                self.changes_s.append(at_s)
                self.levels.append(levels)

    @property
    def first_change_s(self) -> float | None:
        """How long the sign looks as it does at first; None = always."""
        return self.changes_s[1] if len(self.changes_s) > 1 else None

    def fits_until(self, seen: _Seen, from_s: float) -> float:
        """Return how far what was seen is this sign, begun at `from_s`."""
        for begin_s, end_s, levels in seen.spans(from_s):
            stays_s = self._lasts(levels, begin_s - from_s)
            if stays_s < end_s - begin_s:
                return begin_s + max(0.0, stays_s)
        return seen.until_s

    def _lasts(self, levels: Levels, after_s: float) -> float:
        """Return how long the sign may look like `levels` from `after_s` on, slack included; below 0 if not at all."""
        phase_s = after_s if after_s < CYCLE_S else CYCLE_S + after_s % CYCLE_S
        index = bisect_right(self.changes_s, phase_s) - 1
        if self.levels[index] == levels:
            return self._ends(index) - phase_s + SLACK_S
        late = index > 0 and self.levels[index - 1] == levels and phase_s - self.changes_s[index] <= SLACK_S
        if late:
            return self.changes_s[index] + SLACK_S - phase_s
        early = index + 1 < len(self.levels) and self.changes_s[index + 1] - phase_s <= SLACK_S
        if early and self.levels[index + 1] == levels:
            return self._ends(index + 1) - phase_s + SLACK_S
        return -1.0

    def _ends(self, index: int) -> float:
        return self.changes_s[index + 1] if index + 1 < len(self.changes_s) else float("inf")


@cache
def _looks(kind: Kind, fitted: frozenset[str]) -> dict[Signal, _Look]:
    return {sign: _Look(sign, kind, fitted) for sign in Signal}


def _seen_as(level: float) -> float:
    return coarse(round(level * LEVEL_STEPS) / LEVEL_STEPS)


# ---------------------------------------------------------------- the fewest signs that explain it


def _explain(seen: _Seen, looks: dict[Signal, _Look]) -> list[SignSeen]:
    """Find the cheapest way from the first change to the end, a sign or an unclear stretch at a time."""
    points = _points(seen, looks)
    best: dict[float, tuple[int, float, str]] = {points[0]: (0, points[0], "")}
    for index, at_s in enumerate(points[:-1]):
        cost = best[at_s][0]
        _relax(best, points[index + 1 : index + 2], (cost + UNCLEAR_COST, at_s, UNCLEAR))
        for sign, look in looks.items():
            if sign is Signal.STARTING and not seen.was_dark_before(at_s):
                continue
            reach = bisect_right(points, look.fits_until(seen, at_s) + GRID_S)
            _relax(best, points[index + 1 : reach], (cost + 1, at_s, sign.value))
    return _way_back(best, points[-1])


def _points(seen: _Seen, looks: dict[Signal, _Look]) -> list[float]:
    """Give each moment at which a sign may have begun: a change, or where one began that looked like what was there."""
    points = {*seen.starts_s, seen.until_s}
    for look in looks.values():
        lead_s = look.first_change_s
        if lead_s is None:
            continue
        for at_s in seen.starts_s[1:]:
            begun_s = at_s - lead_s
            hidden = begun_s > seen.starts_s[0] and seen.at(begun_s) == look.levels[0]
            if hidden and look.fits_until(seen, begun_s) > at_s + SLACK_S:
                points.add(begun_s)
    return sorted(points)


def _relax(best: dict[float, tuple[int, float, str]], points: Sequence[float], step: tuple[int, float, str]) -> None:
    for point in points:
        if point not in best or step[0] < best[point][0]:
            best[point] = step


def _way_back(best: dict[float, tuple[int, float, str]], end_s: float) -> list[SignSeen]:
    way: list[SignSeen] = []
    while best[end_s][2]:
        _, from_s, sign = best[end_s]
        way.insert(0, SignSeen(sign=sign, from_s=from_s, to_s=end_s))
        end_s = from_s
    return way


def _merged(way: Iterable[SignSeen]) -> Iterator[SignSeen]:
    """Leave out what is too short to be named, and join what is then the same."""
    last: SignSeen | None = None
    for each in way:
        if each.to_s - each.from_s < SHORTEST_S:
            continue
        if last is not None and last.sign == each.sign:
            last = SignSeen(sign=last.sign, from_s=last.from_s, to_s=each.to_s)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
