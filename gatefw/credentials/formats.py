"""Which format a text is, and its verification: the one door of this room. It never raises, whatever the text.

Stages, in this order, and the first that fails ends it (`-` = not in this format):

    stage      JX1                       HC1
    prefix     the text's first characters pick the format
    base45     strict alphabet           same
    inflate    -                         bounded zlib, nothing after it
    cose       bounded CBOR, the envelope's four parts, header, crit
    signature  key known, in scope (format, issuer), algorithm the key's own, signature true; and, judged last of all
               (a clock that is wrong is named first), the trust folder's lists still valid
    time       what was signed is read; the clock's whole interval lies in it; JX1: a life of at most 300 s
    schema     exactly its claims        structural minimum
    key_usage  -                         the certificate allows its key this kind
    colour     green, else refused       - (a positive test makes a Credential that is not green)
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from gatefw.credentials import hcert, jixiang
from gatefw.credentials.rejection import RejectionError
from gatefw.credentials.trust import TrustStore
from gatefw.model import TEXT_LIMIT_CHARS, Credential, Examined, Format, Instant, Reason, Refusal, Stage

Verify = Callable[[str, TrustStore, Instant], Credential]


class _Kind(NamedTuple):
    prefix: str
    format: Format
    stages: tuple[Stage, ...]
    verify: Verify | None


_KINDS: Final = (
    _Kind(jixiang.PREFIX, Format.JIXIANG, jixiang.STAGES, jixiang.verify),
    _Kind(hcert.PREFIX, Format.HCERT, hcert.STAGES, hcert.verify),
    _Kind("JXT:", Format.TOKEN, (Stage.PREFIX,), None),
    _Kind("shc:/", Format.SHC, (Stage.PREFIX,), None),
)


def examine(text: str, trust: TrustStore, now: Instant) -> Examined:
    """Say what `text` is, and whether it is true at `now`: a Credential or a typed Refusal, with the stages reached."""
    kind = next((kind for kind in _KINDS if text.startswith(kind.prefix)), None)
    if len(text) > TEXT_LIMIT_CHARS:
        sentence = f"The text is longer than any code ({TEXT_LIMIT_CHARS} characters)."
        return _refused(kind.format if kind else Format.FOREIGN, Reason.OVERSIZE, sentence, ((Stage.PREFIX, False),))
    if kind is None:
        return _unknown(text)
    if kind.verify is None:
        sentence = "This version can't verify codes of this kind; staff can help."
        return _refused(kind.format, Reason.UNSUPPORTED, sentence, ((Stage.PREFIX, True),))
    try:
        outcome = kind.verify(text, trust, now)
        _judge_lists(trust, now)
    except RejectionError as why:
        stages = (*_passed_before(kind.stages, why.stage), (why.stage, False))
        return _refused(kind.format, why.reason, str(why), stages)
    return Examined(format=kind.format, outcome=outcome, stages=tuple((stage, True) for stage in kind.stages))


def _judge_lists(trust: TrustStore, now: Instant) -> None:
    if not trust.usable_at(now):
        raise RejectionError(
            Stage.SIGNATURE, Reason.UNKNOWN_ISSUER, "The trust folder's valid_until is over; renew it."
        )


def _passed_before(stages: tuple[Stage, ...], failed: Stage) -> tuple[tuple[Stage, bool], ...]:
    return tuple((stage, True) for stage in stages[: stages.index(failed)])


def _unknown(text: str) -> Examined:
    stages = ((Stage.PREFIX, False),)
    if not text or not _is_text(text):
        return _refused(Format.UNREADABLE, Reason.UNREADABLE, "There is no text in it; hold the code still.", stages)
    return _refused(Format.FOREIGN, Reason.FOREIGN, "This is another kind of code; show the health code.", stages)


def _is_text(text: str) -> bool:
    """Whether it can be written at all: a lone surrogate stands where a decoder gave up."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused(form: Format, reason: Reason, detail: str, stages: tuple[tuple[Stage, bool], ...]) -> Examined:
    return Examined(format=form, outcome=Refusal(format=form, reason=reason, detail=detail), stages=stages)
