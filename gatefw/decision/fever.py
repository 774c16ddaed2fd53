"""Is this person's temperature normal? A screening by an infrared thermometer, never a diagnosis.

The way of one measurement: a window of `samples` readings -> median and spread -> stable? -> corrected to
the body's temperature -> band. Rules: (1) only NORMAL may pass, and 37.3 °C or more is never NORMAL;
(2) between the guard bands one second measurement is pooled with the first, never an independent second
chance; (3) what is unstable or too cold is measured again, at most `max_tries` times in all; (4) a number
that isn't one, or a sensor that repeats itself, is a FAULT; (5) state is bounded: never more than `samples`
readings are held.
"""

from dataclasses import dataclass, replace
from math import isfinite
from statistics import median

from gatefw.decision.thermometry import FeverRules, corrected_c, guard_c, is_stable, uncertainty_c
from gatefw.model import Reading, TemperatureBand

__all__ = [
    "FeverRules",
    "Measurement",
    "begin",
    "corrected_c",
    "deadline",
    "guard_c",
    "lapse",
    "observe",
    "uncertainty_c",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One person's measurement as far as it got. Times are monotonic seconds, temperatures °C.

    `band` is None while measuring; once set it only ever changes to FAULT. `remeasure_at_s` is set while the
    next measurement waits (readings are not collected until then). `times_s`, `objects_c`, `ambients_c` are
    the window, of equal length. `first_c` is the first body temperature if it lay between the guard bands.
    `failed_tries` were unstable or too cold. `last_s` is the newest reading's time. `word` (object, ambient)
    repeats since `word_since_s`, `word_count` times (counted up to `frozen_samples`).
    """

    begun_s: float
    band: TemperatureBand | None = None
    remeasure_at_s: float | None = None
    times_s: tuple[float, ...] = ()
    objects_c: tuple[float, ...] = ()
    ambients_c: tuple[float, ...] = ()
    first_c: float | None = None
    failed_tries: int = 0
    last_s: float | None = None
    word: tuple[int, int] | None = None
    word_since_s: float | None = None
    word_count: int = 0


def begin(at_s: float) -> Measurement:
    """Start measuring at monotonic `at_s`, when a presence begins."""
    return Measurement(begun_s=at_s)


def observe(m: Measurement, reading: Reading, rules: FeverRules) -> Measurement:
    """Take one reading of the present person. A repeated or older one is ignored; NaN is a fault."""
    m = lapse(m, reading.at_s, rules)
    if m.last_s is not None and reading.at_s <= m.last_s:
        return m
    if not all(map(isfinite, (reading.at_s, reading.object_c, reading.ambient_c))):
        return _decided(m, TemperatureBand.FAULT)
    m = _watch_words(m, reading, rules)
    if m.band is not None or m.remeasure_at_s is not None:
        return m
    m = _collect(m, reading, rules)
    return _measured(m, rules) if len(m.times_s) == rules.samples else m


def lapse(m: Measurement, now_s: float, rules: FeverRules) -> Measurement:
    """Let time pass: the second measurement comes due, and a measurement without end is given up."""
    if m.band is not None:
        return m
    if now_s >= m.begun_s + rules.tries_window_s:
        seen_nobody = m.last_s is None
        return _decided(m, TemperatureBand.NO_SUBJECT if seen_nobody else TemperatureBand.UNSTABLE)
    if m.remeasure_at_s is not None and now_s >= m.remeasure_at_s:
        return replace(m, remeasure_at_s=None)
    return m


def deadline(m: Measurement, rules: FeverRules) -> float | None:
    """When `lapse` will next change the measurement; None once it has its band."""
    if m.band is not None:
        return None
    end_s = m.begun_s + rules.tries_window_s
    return end_s if m.remeasure_at_s is None else min(end_s, m.remeasure_at_s)


def _decided(m: Measurement, band: TemperatureBand) -> Measurement:
    return replace(m, band=band, remeasure_at_s=None, times_s=(), objects_c=(), ambients_c=())


def _watch_words(m: Measurement, reading: Reading, rules: FeverRules) -> Measurement:
    """Count equal words: real noise never repeats object and ambient for `frozen_s`."""
    word = (reading.object_raw, reading.ambient_raw)
    if word != m.word or m.word_since_s is None:
        return replace(m, last_s=reading.at_s, word=word, word_since_s=reading.at_s, word_count=1)
    since_s = m.word_since_s
    count = min(m.word_count + 1, rules.frozen_samples)
    m = replace(m, last_s=reading.at_s, word_count=count)
    frozen = count >= rules.frozen_samples and reading.at_s - since_s >= rules.frozen_s
    return _decided(m, TemperatureBand.FAULT) if frozen else m


def _collect(m: Measurement, reading: Reading, rules: FeverRules) -> Measurement:
    """Take the reading into the window: the newest `samples` that came closely enough together."""
    if not rules.object_min_c <= reading.object_c <= rules.object_max_c:
        return replace(m, times_s=(), objects_c=(), ambients_c=())
    m = _without_old(m, reading, rules)
    return replace(
        m,
        times_s=(*m.times_s, reading.at_s),
        objects_c=(*m.objects_c, reading.object_c),
        ambients_c=(*m.ambients_c, reading.ambient_c),
    )


def _without_old(m: Measurement, reading: Reading, rules: FeverRules) -> Measurement:
    if m.objects_c and abs(reading.object_c - m.objects_c[-1]) > rules.step_c:
        return replace(m, times_s=(), objects_c=(), ambients_c=())
    oldest_s = reading.at_s - rules.samples * rules.settling_s / rules.good_fraction
    fresh = sum(at_s > oldest_s for at_s in m.times_s)
    keep = min(fresh, rules.samples - 1)
    first = len(m.times_s) - keep
    return replace(m, times_s=m.times_s[first:], objects_c=m.objects_c[first:], ambients_c=m.ambients_c[first:])


def _measured(m: Measurement, rules: FeverRules) -> Measurement:
    """Judge a full window: envelope, frozen words, stability, then the temperature."""
    ambient_c = median(m.ambients_c)
    if not rules.ambient_min_c <= ambient_c <= rules.ambient_max_c:
        return _decided(m, TemperatureBand.AMBIENT_OUT_OF_RANGE)
    if m.word_count >= rules.frozen_samples:
        return m  # the window slides on until the words change or are a fault
    if not is_stable(m.times_s, m.objects_c, m.ambients_c, rules):
        return _failed(m, TemperatureBand.UNSTABLE, m.remeasure_at_s, rules)
    return _judged(m, corrected_c(median(m.objects_c), ambient_c, rules), rules)


def _judged(m: Measurement, body_c: float, rules: FeverRules) -> Measurement:
    """Give the band of a stable body temperature: each comparison is so written that NaN is never NORMAL."""
    again_s = m.times_s[-1] + rules.remeasure_after_s
    if body_c < rules.low_c:
        return _failed(m, TemperatureBand.LOW, again_s, rules)
    if m.first_c is not None:
        pooled_c = (m.first_c + body_c) / 2
        return _decided(m, TemperatureBand.NORMAL if pooled_c < rules.limit_c else TemperatureBand.HIGH)
    guard = guard_c(rules)
    if body_c <= rules.limit_c - guard:
        return _decided(m, TemperatureBand.NORMAL)
    if body_c <= rules.limit_c + guard:
        return _restarted(replace(m, first_c=body_c), again_s)
    return _decided(m, TemperatureBand.HIGH)


def _failed(m: Measurement, band: TemperatureBand, again_s: float | None, rules: FeverRules) -> Measurement:
    m = replace(m, failed_tries=m.failed_tries + 1)
    return _decided(m, band) if m.failed_tries >= rules.max_tries else _restarted(m, again_s)


def _restarted(m: Measurement, again_s: float | None) -> Measurement:
    return replace(m, remeasure_at_s=again_s, times_s=(), objects_c=(), ambients_c=())
