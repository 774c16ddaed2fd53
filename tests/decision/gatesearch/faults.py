"""Faults planted in the table, one at a time: each must break a rule of the witness.

`rule` is the rule that the search must find broken, `world` the one in which it looks.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gatefw.decision import effects as fx
from gatefw.decision import gate
from gatefw.decision import guards as ask
from gatefw.decision.gate import Row
from gatefw.decision.state import GateState, Phase
from gatefw.model import Acknowledged, EventKind
from gatesearch.walk import planted, without


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One planted fault."""

    name: str
    rows: Callable[[], tuple[Row, ...]]
    rule: str
    world: str = "a visitor"


def _row(name: str) -> Row:
    return next(row for row in gate.ROWS if row.name == name)


def _first(name: str) -> tuple[Row, ...]:
    return (_row(name), *(row for row in gate.ROWS if row.name != name))


def _shown_here(state: GateState, moment: object) -> bool:
    return state.code is not None and state.code.joined and state.code.person is not None


def _relay_fails_anyway(state: GateState, moment: object) -> bool:
    return bool(state.down)


FAULTS = (
    Fault(
        name="opens without looking again whether the same person stands there",
        rows=lambda: planted("committed", when=ask.own_answer),
        rule="the relay moves only for an unbroken presence",
    ),
    Fault(
        name="opens on a late commit",
        rows=lambda: without("committed too late"),
        rule="a late commit never opens",
        world="a slow store",
    ),
    Fault(
        name="waits for the store for ever",
        rows=lambda: without("no commit in time"),
        rule="nobody waits for the store for ever",
    ),
    Fault(
        name="grants whoever shows a code",
        rows=lambda: planted("green and normal", when=ask.code_in_view),
        rule="a grant needs a green code seen in this presence",
    ),
    Fault(
        name="grants before the temperature",
        rows=lambda: planted("green and normal", when=_shown_here),
        rule="a grant needs NORMAL measured in this presence",
    ),
    Fault(
        name="opens without a record",
        rows=lambda: planted("green and normal", do=(fx.order_record, fx.release), to=Phase.OPEN),
        rule="the relay moves only for a recorded grant",
    ),
    Fault(
        name="lets a second one follow",
        rows=lambda: without("goes through", fx.withdraw),
        rule="one passage a grant",
    ),
    Fault(
        name="lets a late body pass for one that was granted",
        rows=lambda: planted("goes through", when=ask.body_came),
        rule="nobody enters unseen without a grant",
    ),
    Fault(
        name="forgets to say that somebody passed",
        rows=lambda: without("is through", fx.close_passed),
        rule="every grant ends",
    ),
    Fault(
        name="keeps the last visitor's evidence",
        rows=lambda: without("is through", fx.end_visit),
        rule="a verdict on a code needs one shown in this visit",
    ),
    Fault(
        name="keeps a window open for ever",
        rows=lambda: without("does not go through"),
        rule="a window ends",
    ),
    Fault(
        name="leaves a failing relay on",
        rows=lambda: without("relay fails", fx.withdraw),
        rule="one passage a grant",
        world="devices",
    ),
    Fault(
        name="ends a grant for any fault",
        rows=lambda: planted("relay fails", when=_relay_fails_anyway),
        rule="a grant lasts as long as its window",
    ),
    Fault(
        name="overlooks a forced entry",
        rows=lambda: without("forced entry"),
        rule="nobody enters unseen without a grant",
    ),
    Fault(
        name="overlooks a second forced entry",
        rows=lambda: without("forced again"),
        rule="nobody enters unseen without a grant",
    ),
    Fault(
        name="takes a tailgater for a forced entry",
        rows=lambda: _first("forced entry"),
        rule="a tailgater is told as one",
    ),
    Fault(
        name="forgets a forced entry after a while",
        rows=lambda: planted("tailgater gone", when=ask.after(lambda rules: rules.alarm_s)),
        rule="no deadline is missing",
    ),
    Fault(
        name="never lets staff end an alarm",
        rows=lambda: tuple(row for row in gate.ROWS if row.on is not Acknowledged),
        rule="whatever is mended and seen to is idle again",
    ),
    Fault(
        name="does not heed a fire while it records",
        rows=lambda: planted("fire", phases=_row("fire").phases - {Phase.RECORDING}),
        rule="fire frees the way at once, and until the panel is reset",
    ),
    Fault(
        name="stays open after a fire",
        rows=lambda: without("fire over", fx.withdraw),
        rule="fire frees the way at once, and until the panel is reset",
    ),
    Fault(
        name="closes when a visitor's window ends in a fire",
        rows=lambda: planted("fire", do=(*_row("fire").do, fx.withdraw)),
        rule="nothing withdraws until the panel is reset",
    ),
    Fault(
        name="forgets an alarm over a fire",
        rows=lambda: without("fire over, alarm on"),
        rule="an alarm lasts until it has ended",
    ),
    Fault(
        name="never ends a grant that was committed late",
        rows=lambda: without("late commit"),
        rule="a committed grant opens or ends",
    ),
    Fault(
        name="serves while something fails",
        rows=lambda: without("out of service"),
        rule="what fails is out of service",
    ),
    Fault(
        name="never serves again",
        rows=lambda: without("back in service"),
        rule="whatever is mended and seen to is idle again",
    ),
    Fault(
        name="goes round and round over a refusal",
        rows=lambda: planted("refused", to=Phase.IDLE),
        rule="step never raises",
    ),
    Fault(
        name="shows a refusal as an alarm",
        rows=lambda: planted("refused", do=(*_row("refused").do, fx.withdraw)),
        rule="nothing but the way to the desk is shown",
    ),
    Fault(
        name="forgets a fever",
        rows=lambda: without("refused", fx.remember_high),
        rule="who was HIGH is not granted",
    ),
    Fault(
        name="forgets whose fever it was",
        rows=lambda: without("whose HIGH it was"),
        rule="who was HIGH is not granted",
        world="a fever",
    ),
    Fault(
        name="refuses without a word of it",
        rows=lambda: without("refused"),
        rule="HIGH is refused on the spot",
    ),
    Fault(
        name="joins A's code with B's temperature",
        rows=lambda: without("leaves"),
        rule="a grant needs NORMAL measured in this presence",
    ),
    Fault(
        name="says nothing to two people",
        rows=lambda: without("two people"),
        rule="two people are told to come one at a time",
    ),
    Fault(
        name="says nothing of a body that stays",
        rows=lambda: without("stays in the passage"),
        rule="who stays in the passage is told",
    ),
    Fault(
        name="leaves the desk sign on for ever",
        rows=lambda: without("next, please"),
        rule="each non-latched state reaches idle",
    ),
    Fault(
        name="keeps what was collected after the desk",
        rows=lambda: without("next, please", fx.end_visit),
        rule="nothing but the way to the desk is shown",
    ),
    Fault(
        name="takes any alarm for one that was seen to",
        rows=lambda: planted("held open no more", when=ask.alarmed),
        rule="a forced entry waits for staff",
    ),
    Fault(
        name="reports a passage that has not ended",
        rows=lambda: planted("goes through", do=(fx.withdraw, fx.close_passed), to=Phase.IDLE),
        rule="PASSED only once the passage is clear",
    ),
    Fault(
        name="reports an alarm without a cause",
        rows=lambda: planted("somebody comes", do=(fx.begin_visit, fx.raise_alarm(EventKind.FORCED_OPEN))),
        rule="no alarm without its cause",
    ),
)
