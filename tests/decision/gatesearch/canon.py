"""The canonical form: two situations that no rule can tell apart, now or later, become one state.

A situation is the gate's state beside the witness. It is moved so that now is `NOW_S`; visits and grants are numbered
anew. A past time only matters by comparison with now minus some duration, so one that is older than the longest
duration that any rule holds against it is made exactly that old. What no rule reads in this phase is blanked.
"""

from dataclasses import replace

from gatefw.decision.debounce import Contact
from gatefw.decision.fever import Measurement
from gatefw.decision.presence import Presence
from gatefw.decision.state import Fevered, GateState, Grant, Phase, Rules, SeenCode
from gatefw.model import Credential, EventKind, PassedBy, Spent
from gatesearch.witness import WATCHING, Asked, Line, Witness
from gatesearch.world import FROZEN_WORD, NOW_S, OBJECT_C, Q_S, World

LONG_AGO_S = NOW_S - 500.0
VISIT = GRANT = 100


def phase_lasts_s(rules: Rules) -> dict[Phase, float]:
    """The longest duration that a rule holds against the age of each phase."""
    return {
        Phase.STARTING: rules.start_s,
        Phase.IDLE: rules.held_open_s,
        Phase.ATTENDING: rules.join_s,
        Phase.RECORDING: rules.record_s,
        Phase.OPEN: rules.hold_s + rules.grace_s,
        Phase.PASSING: max(rules.move_on_s, rules.held_open_s),
        Phase.DESK: max(rules.desk_s, rules.desk_limit_s),
        Phase.OUT_OF_SERVICE: rules.start_s,
        Phase.ALARM: rules.alarm_s,
        Phase.FIRE: 0.0,
    }


class Canon:
    """Makes canonical situations of one world."""

    def __init__(self, world: World) -> None:
        self.rules = world.rules
        self.lasts_s = phase_lasts_s(world.rules)
        self.finite = world.life_s is not None
        self.stuck_s = world.rules.presence.stuck_s if world.rules.presence.stuck_s < 1000.0 else Q_S

    def __call__(self, state: GateState, w: Witness, later_s: float) -> tuple[GateState, Witness]:
        """Move both back by `later_s` (seconds) and blank what can't matter."""
        moved = self.state(state, later_s)
        return moved, self.witness(w, later_s, state.visit, state.next_grant_id)

    # ------------------------------------------------------------ the gate's state

    def state(self, s: GateState, d: float) -> GateState:
        rules, shift = self.rules, s.next_grant_id - GRANT
        gone_s = aged(s.last_ended_s, d, max(rules.tailgate_s, rules.linger_s))
        last = s.last
        if last is None or gone_s == NOW_S - max(rules.tailgate_s, rules.linger_s):
            last, gone_s = None, 0.0  # neither a tailgater nor a lingering phone any more
        else:
            last = Grant(grant_id=0, visit=0, person=last.person, code=None)  # only whose it was is asked
        fitted = rules.feedback_fitted
        presence, presence_s = self.presence(s.presence, s.presence_s, d)
        return GateState(
            phase=s.phase,
            since_s=aged(s.since_s, d, self.lasts_s[s.phase]) if dated(s) else 0.0,
            signal=s.signal,
            presence=presence,
            measurement=self.measurement(s.measurement, d, live=s.phase in WATCHING),
            visit=VISIT,
            presence_s=presence_s,
            code=None if s.code is None else self.code(s.code, d),
            advised=s.advised,
            advice=s.advice,
            advice_until_s=0.0 if s.advice is None else s.advice_until_s - d,
            glimpsed_s=None if s.glimpsed_s is None else s.glimpsed_s - d,  # forgotten after code_gap_s
            conflict_until_s=None if s.conflict_until_s is None else s.conflict_until_s - d,
            high_here=s.high_here,
            grant=None if s.grant is None else self.grant(s.grant, d, s.visit, shift),
            orphans=tuple(self.grant(grant, d, s.visit, shift) for grant in s.orphans),
            last=last,
            last_ended_s=gone_s,
            next_grant_id=GRANT,
            alarm=s.alarm,
            released=s.released,
            answered=s.answered,
            # the relay's age and contact are read by the feedback rules only
            relay_changed_s=aged(s.relay_changed_s, d, rules.feedback_s) if fitted else 0.0,
            passage=contact(s.passage, d, rules.debounce_s, 0.0),
            fire=contact(s.fire, d, rules.debounce_s, 0.0),
            tamper=contact(s.tamper, d, rules.debounce_s, 0.0),
            feedback=contact(s.feedback, d, rules.debounce_s, rules.feedback_s) if fitted else Contact(),
            awaited=s.awaited,
            down=s.down,
            # memories are sets: their order is read by no rule
            spent=tuple(sorted((Spent(code=e.code, until_utc=e.until_utc - d) for e in s.spent), key=lambda e: e.code)),
            passed=tuple(
                PassedBy(person=person, until_utc=until - d)
                for person, until in sorted({(e.person, e.until_utc) for e in s.passed})
            ),
            fevered=tuple(
                sorted((Fevered(person=e.person, until_s=e.until_s - d) for e in s.fevered), key=lambda e: e.person)
            ),
        )

    def code(self, c: SeenCode, d: float) -> SeenCode:
        outcome = c.outcome
        if d and self.finite and isinstance(outcome, Credential):
            outcome = replace(outcome, expires_utc=aged(outcome.expires_utc, d, Q_S))  # expired is expired
        return replace(c, outcome=outcome, seen_s=aged(c.seen_s, d, self.rules.code_gap_s))

    def presence(self, p: Presence, presence_s: float | None, d: float) -> tuple[Presence, float | None]:
        """A presence is asked whether it is the same one, and whether it lasts for ever."""
        since_s = None if p.since_s is None else aged(p.since_s, d, self.stuck_s)
        seen_s = None if p.last_seen_s is None else p.last_seen_s - d
        sampled_s = None if p.sampled_s is None else NOW_S - Q_S  # baseline_step_s is 0
        moved = Presence(
            present=p.present,
            since_s=since_s,
            last_seen_s=seen_s,
            # before the first empty reading the sensor's own 24 °C stand for the lane: all readings rise over both
            empty_lane_c=p.empty_lane_c or (OBJECT_C["empty"],),
            sampled_s=sampled_s,
            fault=p.fault,
        )
        if presence_s is None:
            return moved, None
        return moved, since_s if presence_s == p.since_s else LONG_AGO_S

    def measurement(self, m: Measurement, d: float, *, live: bool) -> Measurement:
        fever = self.rules.fever
        frozen = m.word == FROZEN_WORD
        # a reading older than this is dropped before the next one is taken (fever._without_old)
        oldest_s = NOW_S + d - fever.samples * fever.settling_s / fever.good_fraction
        kept = [index for index, at_s in enumerate(m.times_s) if at_s > oldest_s]
        return Measurement(
            # read while it is live and undecided; begun anew on the way back to there
            begun_s=aged(m.begun_s, d, fever.tries_window_s) if live and m.band is None else NOW_S,
            band=m.band,
            remeasure_at_s=None if m.remeasure_at_s is None else aged(m.remeasure_at_s, d, 0.0),
            times_s=tuple(m.times_s[index] - d for index in kept),
            objects_c=tuple(m.objects_c[index] for index in kept),
            ambients_c=tuple(m.ambients_c[index] for index in kept),
            first_c=m.first_c,
            failed_tries=m.failed_tries,
            last_s=None if m.last_s is None else aged(m.last_s, d, Q_S),
            # the words of a living sensor always change: they are never compared with success
            word=FROZEN_WORD if frozen else None,
            word_since_s=aged(m.word_since_s, d, fever.frozen_s) if frozen and m.word_since_s is not None else None,
            word_count=m.word_count if frozen else 0,
        )

    def grant(self, g: Grant, d: float, visit: int, shift: int) -> Grant:
        released_s = None if g.released_s is None else aged(g.released_s, d, self.rules.hold_s)
        return Grant(
            grant_id=g.grant_id - shift,
            visit=max(g.visit - visit, -1) + VISIT,
            person=g.person,
            code=g.code,
            released_s=released_s,
        )

    # ------------------------------------------------------------ the witness

    def asked(self, asked: Asked, w: Witness, d: float, visit: int, shift: int) -> Asked:
        """A grant that was given up is owed its end and its code, however old it is and whoever stands there."""
        current = w.grant is not None and w.grant.grant_id == asked.grant_id
        return asked._replace(
            grant_id=asked.grant_id - shift,
            at_s=aged(asked.at_s, d, self.rules.record_s) if current else LONG_AGO_S,
            visit=max(asked.visit - visit, -1) + VISIT,
            whole=asked.whole or not current,
        )

    def witness(self, w: Witness, d: float, visit: int, next_id: int) -> Witness:
        rules, shift = self.rules, next_id - GRANT
        fitted = rules.feedback_fitted
        gone_s = max(rules.tailgate_s, rules.linger_s)
        on = w.relay == "grant" or fitted
        gone = w.gone
        if gone is not None:
            at_s = aged(gone[1], d, gone_s)
            gone = None if at_s == NOW_S - gone_s else (gone[0], at_s)
        return Witness(
            relay=w.relay,
            relay_s=aged(w.relay_s, d, rules.hold_s if w.relay == "grant" else rules.feedback_s) if on else 0.0,
            answered=w.answered and fitted,
            passage=line(w.passage, d, rules.debounce_s, 0.0),
            fire=line(w.fire, d, rules.debounce_s, 0.0),
            tamper=line(w.tamper, d, rules.debounce_s, 0.0),
            feedback=line(w.feedback, d, rules.debounce_s, rules.feedback_s) if fitted else Line(),
            awaited=w.awaited,
            down=w.down,
            told=w.told,
            since_s=None if w.since_s is None else aged(w.since_s, d, Q_S),
            last_s=None if w.last_s is None else w.last_s - d,
            pair=None if w.pair is None else (w.pair[0], aged(w.pair[1], d, 2 * Q_S), w.pair[2]),
            measured=w.measured,
            held=None if w.held is None else w.held._replace(expires_utc=aged(w.held.expires_utc, d, Q_S)),
            conflict_until_s=None if w.conflict_until_s is None else w.conflict_until_s - d,
            tainted=w.tainted,
            spent=tuple((code, until - d) for code, until in w.spent),
            passed=tuple((person, until - d) for person, until in w.passed),
            fevered=tuple((person, until - d) for person, until in w.fevered),
            gone=gone,
            unanswered=tuple(self.asked(asked, w, d, visit, shift) for asked in w.unanswered),
            grant=None
            if w.grant is None
            else w.grant._replace(
                grant_id=w.grant.grant_id - shift,
                at_s=aged(w.grant.at_s, d, max(rules.record_s, rules.hold_s + rules.grace_s, rules.held_open_s)),
                visit=max(w.grant.visit - visit, -1) + VISIT,
            ),
            alarm=w.alarm,
            occupied_s=aged(w.occupied_s, d, rules.held_open_s) if w.passage.level and w.grant is not None else 0.0,
            visit=VISIT,
            verdict=w.verdict and w.visit == visit,  # an older visit can't come again: visits go upwards
            shown=w.shown,
            minted=tuple((name, until - d) for name, until in w.minted),
            showed=w.showed,
        )


def dated(s: GateState) -> bool:
    """Is the age of this phase read by any rule? (OUT waits for what never came up, ALARM for a tailgater to go.)"""
    if s.phase is Phase.OUT_OF_SERVICE:
        return bool(s.awaited)
    if s.phase is Phase.ALARM:
        return s.alarm is EventKind.TAILGATING
    return s.phase is not Phase.IDLE or s.passage.level


def aged(at_s: float, later_s: float, oldest_s: float) -> float:
    """Move a past time back by `later_s`; nothing is older than `oldest_s`."""
    return max(at_s - later_s, NOW_S - oldest_s)


def contact(c: Contact, d: float, debounce_s: float, settled_s: float) -> Contact:
    """A contact that has settled is asked for its age by `settled_s` rules only."""
    oldest_s = debounce_s if c.raw != c.level else settled_s
    return Contact(level=c.level, raw=c.raw, raw_since_s=aged(c.raw_since_s, d, oldest_s))


def line(c: Line, d: float, debounce_s: float, settled_s: float) -> Line:
    """The witness's contact, in the same way."""
    oldest_s = debounce_s if c.raw != c.level else settled_s
    return Line(c.level, c.raw, aged(c.since_s, d, oldest_s))


def key(s: GateState, w: Witness) -> tuple[object, ...]:
    """Everything that tells one canonical situation from another, as plain tuples (hashed and compared quickly)."""
    p, m, c, g = s.presence, s.measurement, s.code, s.grant
    return (
        s.phase, s.since_s, s.signal, s.presence_s, s.advised, s.advice, s.advice_until_s, s.glimpsed_s,
        s.conflict_until_s, s.high_here, s.last_ended_s, s.last and s.last.person, s.alarm, s.released, s.answered,
        s.relay_changed_s, s.awaited,
        p.present, p.since_s, p.last_seen_s, p.empty_lane_c, p.fault,
        m.begun_s, m.band, m.remeasure_at_s, m.times_s, m.objects_c, m.ambients_c, m.first_c, m.failed_tries, m.last_s,
        m.word_since_s, m.word_count,
        c and (c.outcome, c.code, c.seen_s, c.joined),
        g and (g.grant_id, g.visit, g.person, g.code, g.released_s),
        tuple((o.grant_id, o.visit, o.code) for o in s.orphans),
        tuple((c.level, c.raw, c.raw_since_s) for c in (s.passage, s.fire, s.tamper, s.feedback)),
        tuple((e.device, e.fault) for e in s.down),
        tuple((e.code, e.until_utc) for e in s.spent),
        tuple((e.person, e.until_utc) for e in s.passed),
        tuple((e.person, e.until_s) for e in s.fevered),
        w.relay, w.relay_s, w.answered, w.passage, w.fire, w.tamper, w.feedback, w.awaited, w.down, w.told, w.since_s,
        w.last_s, w.pair, w.measured, w.held, w.conflict_until_s, w.tainted, w.spent, w.passed, w.fevered, w.gone,
        w.unanswered, w.grant, w.alarm, w.occupied_s, w.visit, w.verdict, w.shown, w.minted, w.showed,
    )  # fmt: skip
