"""The walk: breadth first through every reachable situation of a world, until nothing new is found."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gatefw.decision import gate
from gatefw.decision.effects import Effect
from gatefw.decision.gate import Row, Table
from gatefw.decision.senses import Moment
from gatefw.decision.state import GateState, Phase
from gatefw.model import (
    Acknowledged,
    Action,
    Credential,
    Device,
    DeviceReady,
    EventKind,
    FeedbackSensed,
    FireSensed,
    Input,
    Instant,
    PassageSensed,
    Recorded,
    Release,
    TamperSensed,
    TemperatureRead,
    Ticked,
)
from gatesearch.canon import GRANT, VISIT, Canon, key
from gatesearch.witness import Broken, Witness, no, watch
from gatesearch.world import NOW_S, Q_S, World, offers, reading

Situation = tuple[GateState, Witness]

BEYOND = -1
"""Stands for a successor beyond the bounds of its world."""


class NotingTable(Table):
    """The table as shipped, noting which rows were ever taken."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        super().__init__(rows)
        self.seen: set[str] = set()

    def first_fitting(self, state: GateState, moment: Moment, *, taken: bool) -> Row | None:
        """Find the row as ever, and note it."""
        row = super().first_fitting(state, moment, taken=taken)
        if row is not None:
            self.seen.add(row.name)
        return row


@dataclass(kw_only=True)
class Found:
    """What a walk found. `inputs` are the kinds given in every state; `trail` leads to the broken rule;
    `closed`: nothing was left to walk."""

    world: str
    states: int = 0
    steps: int = 0
    releases: int = 0
    resting: int = 0
    rows: set[str] = field(default_factory=set)
    phases: set[str] = field(default_factory=set)
    inputs: set[str] = field(default_factory=set)
    closed: bool = False
    broken: str | None = None
    detail: str = ""
    trail: list[str] = field(default_factory=list)


class Walk:
    """One search. `limit` stops a search that is only to find a planted fault."""

    def __init__(self, world: World, rows: tuple[Row, ...] = gate.ROWS, limit: int | None = None) -> None:
        self.world, self.limit = world, limit
        self.table = NotingTable(rows)
        self.canon = Canon(world)
        self.ids: dict[tuple[object, ...], int] = {}
        self.parents: list[tuple[int, Input | None, float]] = []
        self.quiet: list[int] = []
        self.resting: set[int] = set()
        self.queue: deque[Situation] = deque()
        self.found = Found(world=world.name)

    def run(self) -> Found:
        """Walk to the end, or to the first broken rule."""
        number = -1
        try:
            self.enter(self.begin(), (-1, None, 0.0))
            while self.queue and (self.limit is None or number < self.limit):
                number += 1
                self.expand(number, self.queue.popleft())
            if not self.queue:
                self.check_chains()
                self.found.closed = True
        except Broken as broken:
            self.found.broken, self.found.detail = broken.rule, str(broken)
            self.found.trail = self.found.trail or self.trail(number)
        except (RuntimeError, ValueError, TypeError, KeyError, IndexError, AssertionError) as error:
            self.found.broken, self.found.detail = "step never raises", repr(error)
            self.found.trail = self.trail(number)
        self.found.states, self.found.resting = len(self.ids), len(self.resting)
        self.found.rows = self.table.seen
        return self.found

    def begin(self) -> Situation:
        """The gate at its start, or, where this world waits for nothing, just after it."""
        state, _ = gate.start(self.world.now(0.0), self.world.awaited, next_grant_id=GRANT)
        state = replace(state, visit=VISIT)
        begun = self.canon(state, Witness(awaited=self.world.awaited, visit=VISIT), 0.0)
        return begun if self.world.awaited else self.step(begun, Ticked(), self.world.now(0.0), 0.0)

    def enter(self, situation: Situation, parent: tuple[int, Input | None, float]) -> int:
        """Number a situation, and queue it when it is new."""
        canonical = key(*situation)
        known = self.ids.get(canonical)
        if known is not None:
            return known
        number = self.ids[canonical] = len(self.ids)
        self.parents.append(parent)
        self.queue.append(situation)
        self.found.phases.add(situation[0].phase)
        return number

    def expand(self, number: int, situation: Situation) -> None:
        """Give every input of the world in this situation."""
        for index, (given, later_s, trusted) in enumerate(offers(self.world, *situation)):
            self.found.inputs.add(type(given).__name__)
            try:
                after = self.step(situation, given, self.world.now(later_s, trusted=trusted), later_s, quiet=index == 0)
            except Broken:
                self.found.trail = [*self.trail(number), f"+{later_s} {given}"]
                raise
            if len(after[1].unanswered) > self.world.unanswered or len(after[1].told) > self.world.faults:
                self.quiet += [BEYOND] if index == 0 else []
                continue  # checked, and not walked on from: this world's bounds
            same = after[0] is situation[0] and after[1] is situation[1]
            entered = number if same else self.enter(after, (number, given, later_s))
            if index == 0:
                self.quiet.append(entered)
                if entered == number:
                    self.resting.add(number)
                    self.check_resting(situation)

    def step(
        self, situation: Situation, given: Input, now: Instant, later_s: float, *, quiet: bool = False
    ) -> Situation:
        """Take one step, watched; canonical again."""
        state, witness = situation
        self.found.steps += 1
        after, actions = gate.step(state, given, now, self.world.rules, self.table)
        if quiet:
            self.check_deadline(state, after, actions)
        self.found.releases += any(isinstance(action, Release) for action in actions)
        watched = watch(witness, given, now, actions, (state.phase, after.phase), self.world.rules)
        if after is state and later_s == 0.0 and key(state, watched) == key(state, witness):
            return situation
        return self.canon(after, watched, later_s)

    def check_deadline(self, state: GateState, after: GateState, actions: tuple[Action, ...]) -> None:
        """Between now and the next deadline nothing may happen by time alone; the wall clock's memories excepted."""
        due_s = gate.next_deadline(state, NOW_S, self.world.rules)
        if due_s is not None and due_s <= NOW_S:
            no("no deadline lies in the past", due_s)
        next_s = NOW_S + Q_S
        if due_s is not None and due_s <= next_s:
            if due_s != next_s:
                no("a deadline lies on the quantum", due_s - NOW_S)
            return
        held = state.code is not None and isinstance(state.code.outcome, Credential)
        if held and state.code.outcome.expires_utc < next_s:  # type: ignore[union-attr]
            return  # codes expire on the wall clock, which may jump: the loop's own beat sees to them
        if actions or replace(after, spent=state.spent, passed=state.passed) != state:
            no("no deadline is missing", (due_s, actions, [*differences(state, after)]))

    def trail(self, number: int) -> list[str]:
        """The inputs that lead to a situation."""
        steps: list[str] = []
        while number > 0:
            number, given, later_s = self.parents[number]
            steps.append(f"+{later_s} {given}")
        return steps[::-1]

    # ------------------------------------------------------------ time alone

    def check_chains(self) -> None:
        """By time alone every state comes to rest: each chain of quiet successors ends where time changes nothing."""
        done = bytearray(len(self.quiet))
        for first in range(len(self.quiet)):
            chain, number = [], first
            while number != BEYOND and not done[number] and number not in self.resting:
                done[number] = 1
                chain.append(number)
                number = self.quiet[number]
                if number != BEYOND and done[number] == 1:
                    self.found.trail = self.trail(number)
                    no("each state comes to rest by time alone", number)
            for passed in chain:
                done[passed] = 2

    def check_resting(self, situation: Situation) -> None:
        """At rest: idle, or for a cause; and once the causes are gone, idle, or a forced entry that waits for staff."""
        state, w = situation
        causes = {
            Phase.OUT_OF_SERVICE: bool(w.told or w.tamper.level),
            Phase.FIRE: w.fire.level,
            Phase.ALARM: w.alarm is EventKind.FORCED_OPEN or w.passage.level,
        }
        if state.phase is not Phase.IDLE and not causes.get(state.phase, False):
            no("each non-latched state reaches idle", state.phase)
        for given in cures(w):
            later_s = Q_S if isinstance(given, TemperatureRead) else 0.0
            situation = self.wait(self.step(situation, given, self.world.now(later_s), later_s))
        state, w = situation
        latched = state.phase is Phase.ALARM and w.alarm is EventKind.FORCED_OPEN
        if latched:
            situation = self.step(situation, Acknowledged(), self.world.now(0.0), 0.0)
        if situation[0].phase is not Phase.IDLE:
            no("whatever is mended and seen to is idle again", situation[0].phase)

    def wait(self, situation: Situation) -> Situation:
        """Let time pass until it changes nothing more."""
        while True:
            after = self.step(situation, Ticked(), self.world.now(Q_S), Q_S)
            if key(*after) == key(*situation):
                return after
            situation = after


def cures(w: Witness) -> Iterator[Input]:
    """Everything that ends what keeps this gate from its work."""
    yield from (Recorded(grant_id=asked.grant_id) for asked in w.unanswered[-1:])
    if w.passage.raw:
        yield PassageSensed(occupied=False)
    if w.fire.raw:
        yield FireSensed(active=False)
    if w.tamper.raw:
        yield TamperSensed(open=False)
    if w.feedback.raw:
        yield FeedbackSensed(energised=False)
    yield reading("empty")
    yield from (DeviceReady(device=device) for device in Device)


def differences(before: GateState, after: GateState) -> Iterator[str]:
    """Name what a step changed, for a reader of a broken rule."""
    for name in GateState.__slots__:
        if getattr(before, name) != getattr(after, name):
            yield f"{name}: {getattr(before, name)} -> {getattr(after, name)}"


def planted(name: str, **changed: object) -> tuple[Row, ...]:
    """The shipped rows with one of them changed."""
    rows = tuple(replace(row, **changed) if row.name == name else row for row in gate.ROWS)  # type: ignore[arg-type]
    assert rows != gate.ROWS, f"no row is named {name!r}, or nothing was changed"
    return rows


def without(name: str, *effects: Effect) -> tuple[Row, ...]:
    """The shipped rows with one of them dropped, or only these effects of it."""
    row = next(row for row in gate.ROWS if row.name == name)
    if not effects:
        return tuple(each for each in gate.ROWS if each is not row)
    return planted(name, do=tuple(effect for effect in row.do if effect not in effects))
