"""The rule of admission, on one page.

A person is admitted only with a verified green code and a normal temperature, both of one unbroken presence, while
the gate is in service. Whatever is not known counts against admission; nothing here opens anything by itself: a GRANT
is first recorded, then presence is checked again, then the barrier is released (see `gate`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, assert_never

from gatefw.model import Colour, Credential, Instant, Reason, Refusal, TemperatureBand

StaticCodes = Literal["assist", "admit"]
"""What a venue does with codes that anyone can copy: staff check the holder, or the gate admits."""


class Word(StrEnum):
    """What the gate says. DENY and ASSIST look the same to bystanders; RETRY and WAIT are no verdict yet."""

    GRANT = "grant"
    DENY = "deny"
    ASSIST = "assist"
    RETRY = "retry"
    WAIT = "wait"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """A word and why."""

    word: Word
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Everything that admission depends on, at one moment.

    `joined` is true when the code was seen while this very presence was on; `way_clear` when the passage is empty;
    `time_up` when the visitor has had all the time there is; `advised` is the last RETRY reason of this visit.
    """

    code: Credential | Refusal | None
    joined: bool
    present: bool
    way_clear: bool
    band: TemperatureBand | None
    in_service: bool
    spent: bool
    passed_before: bool
    fevered: bool
    time_up: bool
    advised: Reason | None
    static_codes: StaticCodes
    now: Instant


WAIT: Final = Judgement(word=Word.WAIT)

DENIED: Final = frozenset(
    {
        Reason.RED,
        Reason.ORANGE,
        Reason.SIGNATURE,
        Reason.ALGORITHM,
        Reason.UNKNOWN_ISSUER,
        Reason.SCOPE,
        Reason.KEY_USAGE,
        Reason.LIFETIME,
        Reason.REVOKED,
    }
)
"""Refused codes that end the visit: the person is not green, or the code is nobody's."""

ASSISTED: Final = frozenset({Reason.BLACK_AND_WHITE, Reason.TIME_UNTRUSTED})
"""Codes that say nothing against the person: staff help. Every other refused code may be shown again (RETRY)."""


def judge(evidence: Evidence) -> Judgement:
    """Say what these facts allow, the gravest first."""
    if not evidence.in_service:
        return WAIT
    of_code = judge_code(evidence)
    of_temperature = judge_temperature(evidence.band)
    for word in (Word.DENY, Word.ASSIST):
        for judgement in (of_code, of_temperature):
            if judgement.word is word:
                return judgement
    proven = of_code.word is Word.GRANT and of_temperature.word is Word.GRANT
    if proven and evidence.present and evidence.joined and evidence.way_clear:
        return Judgement(word=Word.GRANT)
    if evidence.time_up:
        return Judgement(word=Word.ASSIST, reason=why_not_yet(evidence))
    return of_code if of_code.word is Word.RETRY else WAIT


def judge_code(evidence: Evidence) -> Judgement:
    """GRANT here means only: nothing about this code stands against admission."""
    code = evidence.code
    if code is None:
        return WAIT
    if isinstance(code, Refusal):
        return judge_refusal(code.reason)
    if evidence.fevered:
        return Judgement(word=Word.DENY, reason=Reason.TEMPERATURE_HIGH)
    if evidence.spent:
        return Judgement(word=Word.DENY, reason=Reason.SPENT)
    if evidence.passed_before:
        return Judgement(word=Word.DENY, reason=Reason.PASSBACK)
    if code.copyable and evidence.static_codes != "admit":
        return Judgement(word=Word.ASSIST, reason=Reason.STATIC_CODE)
    if not evidence.now.trusted:
        return Judgement(word=Word.ASSIST, reason=Reason.TIME_UNTRUSTED)
    if not is_current(code, evidence.now):
        return Judgement(word=Word.RETRY, reason=Reason.EXPIRED)
    return Judgement(word=Word.GRANT) if code.colour is Colour.GREEN else judge_colour(code.colour)


def is_current(code: Credential, now: Instant) -> bool:
    """Is the whole uncertainty of a trusted clock before the code's end? NaN is never current."""
    return now.trusted and now.wall_utc + now.uncertainty_s <= code.expires_utc


def judge_refusal(reason: Reason) -> Judgement:
    """Sort a refused code into DENY, ASSIST or RETRY."""
    if reason in DENIED:
        return Judgement(word=Word.DENY, reason=reason)
    if reason in ASSISTED:
        return Judgement(word=Word.ASSIST, reason=reason)
    return Judgement(word=Word.RETRY, reason=reason)


def judge_colour(colour: Colour) -> Judgement:
    """A colour that is not green never grants; `credentials` refuses these already, and this does not rely on it."""
    return judge_refusal(Reason(colour.value))


def judge_temperature(band: TemperatureBand | None) -> Judgement:
    """GRANT here means only: this forehead is not elevated."""
    match band:
        case TemperatureBand.NORMAL:
            return Judgement(word=Word.GRANT)
        case TemperatureBand.HIGH:
            return Judgement(word=Word.DENY, reason=Reason.TEMPERATURE_HIGH)
        case TemperatureBand.LOW:
            return Judgement(word=Word.ASSIST, reason=Reason.TEMPERATURE_LOW)
        case TemperatureBand.AMBIENT_OUT_OF_RANGE:
            return Judgement(word=Word.ASSIST, reason=Reason.AMBIENT_RANGE)
        case TemperatureBand.UNSTABLE:
            return Judgement(word=Word.ASSIST, reason=Reason.TEMPERATURE_UNSTABLE)
        case TemperatureBand.FAULT:
            return Judgement(word=Word.ASSIST, reason=Reason.SENSOR_FAULT)
        case TemperatureBand.REMEASURE | TemperatureBand.NO_SUBJECT | None:
            return WAIT
        case _:
            assert_never(band)


def why_not_yet(evidence: Evidence) -> Reason:
    """What was still missing when the visitor's time was up."""
    if isinstance(evidence.code, Refusal):
        return evidence.code.reason
    if evidence.code is None or not evidence.joined:
        return evidence.advised or Reason.NO_CODE
    if not evidence.present:
        return Reason.NO_SUBJECT
    if evidence.band is TemperatureBand.NORMAL:
        return Reason.PASSAGE_BLOCKED
    return Reason.TEMPERATURE_UNSTABLE
