"""The witness: its own account of the world, from inputs and actions alone, and the rules that must hold.

It never looks into the gate's state, but for the phase's name before and after a step; so a mistake in that state can't
hide itself. `Broken` names the rule that a step broke.
"""

from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from gatefw.decision.state import Phase, Rules
from gatefw.model import (
    Acknowledged,
    Action,
    CodeKey,
    CodeScanned,
    CodesConflicted,
    Credential,
    Device,
    DeviceFailed,
    DeviceReady,
    EventKind,
    FeedbackSensed,
    FireSensed,
    FreeEgress,
    Input,
    Instant,
    PassageSensed,
    PersonKey,
    Reading,
    Reason,
    Record,
    Recorded,
    Release,
    Report,
    Show,
    Signal,
    TamperSensed,
    TemperatureBand,
    TemperatureRead,
    Withdraw,
)

WATCHING = frozenset({Phase.IDLE, Phase.ATTENDING})
PERSON_MIN_C = 28.0
ALARMS = frozenset({EventKind.FORCED_OPEN, EventKind.TAILGATING})
VERDICTS = frozenset({EventKind.REFUSED, EventKind.ASSIST})
NOT_FOREIGN = frozenset({Reason.RED, Reason.BLACK_AND_WHITE, Reason.TIME_UNTRUSTED})
"""Refused codes that are nevertheless a person's: beside another's they mean two people."""

SHOWN = {
    Phase.STARTING: {Signal.STARTING},
    Phase.OPEN: {Signal.PASS},
    Phase.PASSING: {Signal.PASS, Signal.MOVE_ON},
    Phase.DESK: {Signal.DESK},
    Phase.OUT_OF_SERVICE: {Signal.OUT_OF_SERVICE},
    Phase.ALARM: {Signal.ALARM},
    Phase.FIRE: {Signal.FIRE},
}
WAITING = {Signal.READY, Signal.READING, Signal.MEASURE, Signal.REMEASURE, Signal.RETRY, Signal.ONE_PERSON}


class Broken(Exception):  # noqa: N818  the name of what happened to the rule
    """A rule was broken; `rule` is its name."""

    def __init__(self, rule: str, detail: object = "") -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


class Line(NamedTuple):
    """A contact: `level` counts, `raw` is what the line says since `since_s`."""

    level: bool = False
    raw: bool = False
    since_s: float = 0.0


class Asked(NamedTuple):
    """A grant that the store has not answered; `whole`: the presence is unbroken since."""

    grant_id: int
    at_s: float
    person: PersonKey
    code: CodeKey | None
    visit: int
    whole: bool


class Granted(NamedTuple):
    """The grant under way: asked of the store, released, or entered, since `at_s`."""

    grant_id: int
    stage: str
    at_s: float
    person: PersonKey
    code: CodeKey | None
    visit: int
    whole: bool


class Held(NamedTuple):
    """The accepted code before the gate; `here`: seen while the present presence was on."""

    person: PersonKey
    code: CodeKey | None
    expires_utc: float
    here: bool


@dataclass(slots=True)
class Witness:
    """What is known of the world. Times are monotonic; `copy` before watching a step."""

    relay: str = "off"
    relay_s: float = 0.0
    answered: bool = False
    passage: Line = Line()
    fire: Line = Line()
    tamper: Line = Line()
    feedback: Line = Line()
    awaited: frozenset[Device] = frozenset()
    down: frozenset[tuple[Device, str]] = frozenset()
    told: frozenset[tuple[Device, str]] = frozenset()
    since_s: float | None = None
    last_s: float | None = None
    pair: tuple[str, float, int] | None = None
    measured: bool = False
    held: Held | None = None
    conflict_until_s: float | None = None
    tainted: bool = False
    spent: tuple[tuple[CodeKey, float], ...] = ()
    passed: tuple[tuple[PersonKey, float], ...] = ()
    fevered: tuple[tuple[PersonKey, float], ...] = ()
    gone: tuple[PersonKey, float] | None = None
    unanswered: tuple[Asked, ...] = ()
    grant: Granted | None = None
    alarm: EventKind | None = None
    occupied_s: float = 0.0
    visit: int = 0
    verdict: bool = False
    shown: Signal = Signal.STARTING
    minted: tuple[tuple[str, float], ...] = ()
    showed: bool = False

    def copy(self) -> "Witness":
        """Another one that may be changed."""
        return Witness(
            self.relay, self.relay_s, self.answered, self.passage, self.fire, self.tamper, self.feedback,
            self.awaited, self.down, self.told, self.since_s, self.last_s, self.pair, self.measured, self.held,
            self.conflict_until_s, self.tainted, self.spent, self.passed, self.fevered, self.gone, self.unanswered,
            self.grant, self.alarm, self.occupied_s, self.visit, self.verdict, self.shown, self.minted,
            self.showed,
        )  # fmt: skip

    @property
    def in_service(self) -> bool:
        """Is nothing known that forbids an admission?"""
        return not self.down and not self.told and not self.awaited and not self.tamper.level

    # ------------------------------------------------------------ before the actions

    def forget_visit(self) -> None:
        """Nothing that was collected counts any more."""
        self.held = self.pair = None
        self.showed = False
        self.measured = False

    def break_presence(self, before: Phase) -> None:
        """Nobody stands there: what was seen and measured belongs to somebody who has gone."""
        self.since_s = self.last_s = None
        self.tainted = False
        self.pair, self.measured = None, False
        if self.held is not None:
            self.held = self.held._replace(here=False)
        self.unanswered = tuple(asked._replace(whole=False) for asked in self.unanswered)
        if self.grant is not None:
            self.grant = self.grant._replace(whole=False)
        if before is Phase.ATTENDING:
            self.held = self.conflict_until_s = None

    def pass_time(self, now: Instant, before: Phase, rules: Rules) -> None:
        """Let end what ends by itself."""
        now_s = now.mono_s
        if self.last_s is not None and now_s >= self.last_s + rules.presence.gap_s:
            self.break_presence(before)
        if self.relay == "grant" and now_s >= self.relay_s + rules.hold_s:
            self.relay, self.relay_s = "off", self.relay_s + rules.hold_s
        if self.conflict_until_s is not None and now_s >= self.conflict_until_s:
            self.conflict_until_s = None
        if self.spent:
            self.spent = tuple(entry for entry in self.spent if entry[1] >= now.wall_utc)
        if self.minted:
            self.minted = tuple(entry for entry in self.minted if entry[1] >= now.wall_utc)
        if self.passed:
            self.passed = tuple(entry for entry in self.passed if entry[1] > now.wall_utc)
        if self.fevered:
            self.fevered = tuple(entry for entry in self.fevered if entry[1] > now_s)

    def settle(self, now_s: float, debounce_s: float) -> bool:
        """Let lines that stood still count; was the passage entered?"""
        rose = False
        for name in ("passage", "fire", "tamper", "feedback"):
            line: Line = getattr(self, name)
            if line.raw != line.level and now_s >= line.since_s + debounce_s:
                setattr(self, name, line._replace(level=line.raw))
                rose = rose or (name == "passage" and line.raw)
        return rose

    def take(self, given: Input, now: Instant, before: Phase, rules: Rules) -> Asked | None:
        """Take the input in; returns the grant that the store has answered."""
        now_s = now.mono_s
        match given:
            case PassageSensed(occupied=raw):
                self.passage = self.passage._replace(raw=raw, since_s=now_s)
            case FireSensed(active=raw):
                self.fire = self.fire._replace(raw=raw, since_s=now_s)
            case TamperSensed(open=raw):
                self.tamper = self.tamper._replace(raw=raw, since_s=now_s)
            case FeedbackSensed(energised=raw):
                self.feedback = self.feedback._replace(raw=raw, since_s=now_s)
            case DeviceFailed(device=device, fault=fault):
                self.down |= {(device, fault)}
                self.awaited -= {device}
            case DeviceReady(device=device):
                self.down = frozenset(entry for entry in self.down if entry[0] is not device)
                self.awaited -= {device}
            case Recorded(grant_id=answered_id):
                return self.take_answer(answered_id)
            case TemperatureRead(reading=reading):
                self.take_reading(reading, before)
            case CodeScanned():
                self.take_code(given, now_s, before, rules)
            case CodesConflicted() if before in WATCHING:
                self.conflict(now_s, rules)
            case _:
                pass
        return None

    def take_answer(self, grant_id: int) -> Asked | None:
        """The store answers in order: those before it, unanswered, were never committed and spent nothing."""
        answered = next((asked for asked in self.unanswered if asked.grant_id == grant_id), None)
        lost = {asked.code for asked in self.unanswered if asked.grant_id < grant_id and answered is not None}
        self.unanswered = tuple(asked for asked in self.unanswered if asked.grant_id > grant_id or answered is None)
        self.spent = tuple(entry for entry in self.spent if entry[0] not in lost)
        return answered

    def take_reading(self, reading: Reading, before: Phase) -> None:
        """Keep who stands there, and whether two successive readings of them were normal."""
        if reading.object_c < PERSON_MIN_C:
            return
        if self.since_s is None:
            self.since_s, self.pair = reading.at_s, None
        self.last_s = reading.at_s
        if before not in WATCHING:
            return
        kind = {35.5: "normal", 38.5: "high"}.get(reading.object_c, "other")
        if reading.ambient_c != 24.0:
            kind = "other"
        if reading.object_raw == 1:
            kind = "frozen"  # normal once, but two of them are one reading said twice
        was = self.pair
        if was is None:
            self.pair = (kind, reading.at_s, 1)
        elif was[1] < reading.at_s:
            self.pair = (kind, reading.at_s, 2 if was[2] and was[0] == kind else 0)
            self.measured = self.measured or {kind, was[0]} in ({"normal"}, {"normal", "frozen"})

    def conflict(self, now_s: float, rules: Rules) -> None:
        """Two people: nothing collected so far counts, and no code for a while."""
        self.forget_visit()
        self.conflict_until_s = now_s + rules.code_gap_s

    def take_code(self, given: CodeScanned, now_s: float, before: Phase, rules: Rules) -> None:
        """Keep whose code was shown in this presence."""
        if self.pair is not None:
            self.pair = (self.pair[0], self.pair[1], 0)
        shown = given.outcome
        if before is Phase.DESK and self.tainted and given.person is not None:
            self.remember_fever(given.person, now_s, rules)
        gone = self.gone
        lingers = gone is not None and given.person == gone[0] and now_s < gone[1] + rules.linger_s
        if before not in WATCHING or self.conflict_until_s is not None or lingers:
            return
        self.showed = True
        other = self.held is not None and given.person != self.held.person
        if isinstance(shown, Credential) and given.person is not None:
            if shown.expires_utc < 1e9 and given.code is not None:
                self.minted = tuple(sorted({**dict(self.minted), given.code[:2].decode(): shown.expires_utc}.items()))
            if other:
                self.conflict(now_s, rules)
                return
            here = self.since_s is not None or (self.held is not None and self.held.here)
            self.held = Held(given.person, given.code, shown.expires_utc, here)
        elif other and not isinstance(shown, Credential) and shown.reason in NOT_FOREIGN:
            self.conflict(now_s, rules)

    def remember_fever(self, person: PersonKey, now_s: float, rules: Rules) -> None:
        """HIGH stays with the person."""
        kept = tuple(entry for entry in self.fevered if entry[0] != person)
        self.fevered = tuple(sorted((*kept, (person, now_s + rules.fevered_s))))


def no(rule: str, detail: object = "") -> NoReturn:
    """Say which rule was broken."""
    raise Broken(rule, detail)


def watch(
    witness: Witness,
    given: Input,
    now: Instant,
    actions: tuple[Action, ...],
    phases: tuple[Phase, Phase],
    rules: Rules,
) -> Witness:
    """Follow one step: the new witness, or Broken."""
    w = witness.copy()
    before, after = phases
    w.pass_time(now, before, rules)
    broke = witness.since_s is not None and w.since_s is None
    answered = w.take(given, now, before, rules)
    if broke and before is Phase.ATTENDING:
        w.pair = None  # the reading that shows the next person ends the visit of the last one
    rose = w.settle(now.mono_s, rules.debounce_s)
    alone = rose and not enter(w, now, rules)
    if isinstance(given, Acknowledged):
        w.occupied_s = now.mono_s
    kinds = [action.event.kind for action in actions if isinstance(action, Report)]
    check_entry(w, now, before, set(kinds), rules, alone=alone)
    ended: set[int] = set()
    for action in actions:
        judge(w, action, given, now, answered, ended, rules)
    check_answer(w, answered, ended)
    check_desk(actions, kinds, before, after)
    parted = w.shown is Signal.ONE_PERSON or not isinstance(given, CodesConflicted)
    if before is after is Phase.ATTENDING and not parted:
        no("two people are told to come one at a time", w.shown)
    check_after(w, now, after, rules)
    check_high(w, given, before, after, kinds)
    if after not in WATCHING:
        w.forget_visit()
        w.conflict_until_s = None
    return w


def check_entry(w: Witness, now: Instant, before: Phase, kinds: set[EventKind], rules: Rules, *, alone: bool) -> None:
    """A body that went in without a grant is told in that very step; at start it may have stood there before."""
    if not alone and ALARMS & kinds:
        no("no alarm without its cause", kinds)
    if not alone or w.fire.level or before is Phase.STARTING:
        return
    if not ALARMS & kinds:
        no("nobody enters unseen without a grant", before)
    closely = w.gone is not None and now.mono_s < w.gone[1] + rules.tailgate_s
    if closely and before not in {Phase.ALARM, Phase.FIRE} and EventKind.TAILGATING not in kinds:
        no("a tailgater is told as one", kinds)


def enter(w: Witness, now: Instant, rules: Rules) -> bool:
    """A body went in: was it the one that was let through, within its window?"""
    w.occupied_s = now.mono_s
    grant = w.grant
    if grant is None or grant.stage != "released":
        return False
    if w.passage.since_s >= grant.at_s + rules.hold_s + rules.grace_s:
        return False
    w.grant = grant._replace(stage="entered", at_s=now.mono_s)
    return True


def judge(
    w: Witness, action: Action, given: Input, now: Instant, answered: Asked | None, ended: set[int], rules: Rules
) -> None:
    """Hold one action against the account."""
    match action:
        case Record():
            judge_record(w, action, now, rules)
        case Release():
            judge_release(w, action, given, now, answered, rules)
        case Withdraw():
            if w.fire.level:
                no("nothing withdraws until the panel is reset")
            if w.relay != "off":
                w.relay, w.relay_s = "off", now.mono_s
        case FreeEgress():
            if not w.fire.level:
                no("free egress only in a fire")
            w.relay, w.relay_s, w.answered = "fire", now.mono_s, False
        case Show(signal=signal):
            if signal is w.shown:
                no("a sign is shown once")
            w.shown = signal
        case Report(event=event):
            judge_report(w, action, event.kind, given, now, answered, ended, rules)


def judge_record(w: Witness, record: Record, now: Instant, rules: Rules) -> None:
    """A grant may be ordered only when everything speaks for it."""
    held = w.held
    if not w.in_service:
        no("no grant while anything fails", (w.down, w.told, w.tamper))
    if w.fire.level or w.alarm is not None or w.relay != "off":
        no("no grant in fire or alarm, nor beside another")
    if w.grant is not None and w.grant.stage != "asked":
        no("one grant at a time", w.grant)
    if not now.trusted:
        no("no grant in untrusted time")
    if held is None or not held.here or w.since_s is None:
        no("a grant needs a green code seen in this presence", held)
    if held.code is None:
        no("static codes are for staff")
    if not w.measured:
        no("a grant needs NORMAL measured in this presence")
    if now.wall_utc > held.expires_utc:
        no("no grant on an expired code")
    if w.tainted or any(person == held.person for person, _ in w.fevered):
        no("who was HIGH is not granted")
    if any(person == held.person for person, _ in w.passed):
        no("nobody passes twice within the window")
    if any(code == held.code for code, _ in w.spent):
        no("a spent code is not granted again")
    if w.passage.raw or w.passage.level:
        no("no grant while a body is in the passage")
    if record.spend is None or record.spend.code != held.code or record.spend.until_utc != held.expires_utc:
        no("a grant spends its own code", record.spend)
    if any(asked.grant_id >= record.grant_id for asked in w.unanswered) or record.event.grant_id != record.grant_id:
        no("each grant has its own number")
    see_visit(w, record.event.visit)
    w.verdict = True
    w.spent = tuple(sorted((*w.spent, (held.code, held.expires_utc))))
    asked = Asked(record.grant_id, now.mono_s, held.person, held.code, w.visit, True)
    w.unanswered = (*w.unanswered, asked)
    w.grant = Granted(asked.grant_id, "asked", now.mono_s, held.person, held.code, w.visit, True)


def judge_release(
    w: Witness, release: Release, given: Input, now: Instant, answered: Asked | None, rules: Rules
) -> None:
    """The relay moves only on the store's answer, in time, for whoever still stands there."""
    grant = w.grant
    if answered is None or grant is None or grant.stage != "asked" or grant.grant_id != answered.grant_id:
        no("the relay moves only for a recorded grant", (answered, grant))
    if release.grant_id != grant.grant_id or release.hold_s != rules.hold_s:
        no("the release is the grant's own")
    if now.mono_s >= grant.at_s + rules.record_s:
        no("a late commit never opens")
    if not grant.whole or w.since_s is None:
        no("the relay moves only for an unbroken presence")
    if not w.in_service or w.fire.level or w.alarm is not None or not now.trusted:
        no("the relay moves only in service and in trusted time")
    if w.passage.raw or w.passage.level:
        no("the relay moves only before an empty passage")
    if w.relay != "off":
        no("one release at a time")
    w.relay, w.relay_s, w.answered = "grant", now.mono_s, False
    w.grant = grant._replace(stage="released", at_s=now.mono_s)


def see_visit(w: Witness, visit: int | None) -> None:
    """Visits are numbered upwards, and each has one verdict at most."""
    if visit is None or visit < w.visit:
        no("visits are numbered upwards", visit)
    if visit > w.visit:
        w.visit, w.verdict = visit, False
    if w.verdict:
        no("one verdict a visit")


def judge_report(
    w: Witness,
    report: Report,
    kind: EventKind,
    given: Input,
    now: Instant,
    answered: Asked | None,
    ended: set[int],
    rules: Rules,
) -> None:
    """Ops are told the truth."""
    event = report.event
    match kind:
        case EventKind.PASSED:
            judge_passed(w, report, now, ended, rules)
        case EventKind.NOT_USED:
            judge_not_used(w, report, now, answered, ended, rules)
        case EventKind.REFUSED | EventKind.ASSIST:
            see_visit(w, event.visit)
            w.verdict = True
            if event.reason is None:
                no("a verdict has its reason")
            if event.format is not None and not w.showed:
                no("a verdict on a code needs one shown in this visit")
            if event.temperature is TemperatureBand.HIGH:
                w.tainted = w.since_s is not None
                if w.held is not None:
                    w.remember_fever(w.held.person, now.mono_s, rules)
        case EventKind.TAILGATING if w.gone is None or now.mono_s >= w.gone[1] + rules.tailgate_s:
            no("a tailgater follows closely")
        case EventKind.FORCED_OPEN | EventKind.TAILGATING | EventKind.HELD_OPEN:
            if not w.passage.level:
                no("an alarm of the passage needs a body in it")
            w.alarm = EventKind.FORCED_OPEN if w.alarm is EventKind.FORCED_OPEN else kind
        case EventKind.ALARM_ENDED:
            if w.alarm is None or (w.alarm is EventKind.FORCED_OPEN and not isinstance(given, Acknowledged)):
                no("a forced entry waits for staff", w.alarm)
            w.alarm = None
        case EventKind.FAULT if event.device is not None and event.fault is not None:
            if (event.device, event.fault) in w.told:
                no("a fault is told once")
            w.told |= {(event.device, event.fault)}
            w.awaited -= {event.device}
        case EventKind.FAULT_ENDED if event.device is not None and event.fault is not None:
            if (event.device, event.fault) not in w.told:
                no("a fault ends once")
            w.told -= {(event.device, event.fault)}
        case EventKind.TAMPER | EventKind.TAMPER_ENDED if w.tamper.level != (kind is EventKind.TAMPER):
            no("tampering is told as it is")
        case EventKind.FIRE_RELEASE | EventKind.FIRE_ENDED if w.fire.level != (kind is EventKind.FIRE_RELEASE):
            no("fire is told as it is")
        case EventKind.LEFT:
            w.forget_visit()
        case _:
            pass


def judge_passed(w: Witness, report: Report, now: Instant, ended: set[int], rules: Rules) -> None:
    """Somebody passed: they went in within their window, and came out (or a fire frees the way)."""
    grant = w.grant
    if grant is None or grant.stage != "entered" or report.event.grant_id != grant.grant_id:
        no("PASSED only for who went in within the window", grant)
    if w.passage.level and not w.fire.level:
        no("PASSED only once the passage is clear")
    if report.event.visit != grant.visit:
        no("a grant's end names its visit")
    by = report.passed_by
    if by is None or by.person != grant.person or by.until_utc != now.wall_utc + rules.passback_s:
        no("who passed is remembered", by)
    kept = tuple(entry for entry in w.passed if entry[0] != grant.person)
    w.passed = tuple(sorted((*kept, (grant.person, by.until_utc)))) if rules.passback_s else kept
    w.gone = (grant.person, now.mono_s)
    ended.add(grant.grant_id)
    w.grant = None


def judge_not_used(
    w: Witness, report: Report, now: Instant, answered: Asked | None, ended: set[int], rules: Rules
) -> None:
    """A grant came to nothing: its window is over, its relay failed, a fire came, or it was answered too late."""
    grant, grant_id = w.grant, report.event.grant_id
    if grant_id in ended:
        no("a grant ends once")
    if answered is not None and grant_id == answered.grant_id:
        code, whole, visit = answered.code, answered.whole, answered.visit
        given_up = (
            grant is None or grant.grant_id != grant_id or now.mono_s >= answered.at_s + rules.record_s or w.fire.level
        )
        if given_up:
            whole = True
    elif grant is not None and grant.stage == "released" and grant_id == grant.grant_id:
        over = now.mono_s >= grant.at_s + rules.hold_s + rules.grace_s
        failed = any(device is Device.BARRIER for device, _ in w.told)
        if not (over or failed or w.fire.level):
            no("a grant lasts as long as its window")
        code, whole, visit = grant.code, grant.whole, grant.visit
    else:
        no("NOT_USED only for an open grant", (grant_id, grant, answered))
    if report.event.visit != visit:
        no("a grant's end names its visit")
    if report.give_back != (code if whole else None):
        no("a code is given back within the same presence", (report.give_back, whole))
    if report.give_back is not None:
        w.spent = tuple(entry for entry in w.spent if entry[0] != report.give_back)
    ended.add(grant_id)
    if grant is not None and grant.grant_id == grant_id:
        w.grant = None


def check_answer(w: Witness, answered: Asked | None, ended: set[int]) -> None:
    """What the store committed has opened, or has ended, in this very step."""
    if answered is None or answered.grant_id in ended:
        return
    opened = w.grant is not None and w.grant.grant_id == answered.grant_id and w.grant.stage == "released"
    if not opened:
        no("a committed grant opens or ends")


def check_desk(actions: tuple[Action, ...], kinds: list[EventKind], before: Phase, after: Phase) -> None:
    """Every verdict but a grant looks the same: the way to the desk, and nothing else."""
    if not VERDICTS & set(kinds) or ALARMS & set(kinds):
        return  # who then forces the gate raises the alarm instead
    if after is not Phase.DESK:
        no("who is not admitted is sent to the desk", after)
    moved = [action for action in actions if not isinstance(action, Report)]
    if moved != [Show(signal=Signal.DESK)]:
        no("nothing but the way to the desk is shown", moved)


def check_after(w: Witness, now: Instant, after: Phase, rules: Rules) -> None:
    """What must be so after every step."""
    now_s, grant = now.mono_s, w.grant
    if w.fire.level != (after is Phase.FIRE) or w.fire.level != (w.relay == "fire"):
        no("fire frees the way at once, and until the panel is reset", (after, w.relay))
    if not w.fire.level and (w.alarm is not None) != (after is Phase.ALARM):
        no("an alarm lasts until it has ended", (w.alarm, after))
    if not w.down <= w.told:
        no("each fault is told", w.down - w.told)
    if after is Phase.IDLE and not w.in_service:
        no("what fails is out of service", (w.told, w.awaited))
    if w.relay == "grant" and (grant is None or grant.stage != "released"):
        no("one passage a grant", grant)
    if w.shown not in SHOWN.get(after, WAITING):
        no("the sign is the phase's", (w.shown, after))
    if grant is not None:
        check_grant(w, grant, now_s, after, rules)
    if after is Phase.PASSING and (grant is None or now_s >= w.occupied_s + rules.held_open_s):
        no("who stays in the passage is told", grant)
    if rules.feedback_fitted:
        check_feedback(w, now_s, rules)


def check_grant(w: Witness, grant: Granted, now_s: float, after: Phase, rules: Rules) -> None:
    """An open grant is in the hands of its phase, and none lasts for ever."""
    if grant.stage == "asked":
        if after is not Phase.RECORDING:
            w.grant = None  # given up: it is still owed an end when the store answers
        elif now_s >= grant.at_s + rules.record_s:
            no("nobody waits for the store for ever")
    elif grant.stage == "released":
        end_s = grant.at_s + rules.hold_s + rules.grace_s
        if after is not Phase.OPEN:
            no("every grant ends", (grant, after))
        if now_s >= end_s and not (w.passage.raw and w.passage.since_s < end_s):
            no("a window ends")
    elif after not in {Phase.PASSING, Phase.ALARM}:
        no("every grant ends", (grant, after))


def check_feedback(w: Witness, now_s: float, rules: Rules) -> None:
    """The relay's own contact must follow the order, or the barrier fails."""
    on = w.relay != "off"
    w.answered = w.answered or (on and w.feedback.level)
    failed = any(device is Device.BARRIER for device, _ in w.told)
    stuck_on = w.feedback.level and not on
    if stuck_on and now_s >= max(w.relay_s, w.feedback.since_s) + rules.feedback_s and not failed:
        no("a relay that stays on is told")
    if on and not w.answered and now_s >= w.relay_s + rules.feedback_s and not failed:
        no("a relay that does not answer is told")


def check_high(w: Witness, given: Input, before: Phase, after: Phase, kinds: list[EventKind]) -> None:
    """Two successive high readings, nothing else before them, are HIGH: refused on the spot."""
    pair = w.pair
    if not isinstance(given, TemperatureRead) or before not in WATCHING or pair is None or not w.in_service:
        return
    told = EventKind.REFUSED in kinds or w.conflict_until_s is not None
    if pair[:2] == ("high", given.reading.at_s) and pair[2] == 2 and not told:
        no("HIGH is refused on the spot", (after, pair))
