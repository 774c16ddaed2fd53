"""The loop's queue: a chattering contact delays nobody, and what a contact says last is always heard."""

import time

from gatefw.daemon import EDGES_KEPT, QueueInbox
from gatefw.model import FeedbackSensed, FireSensed, PassageSensed, Recorded
from gatefw.ports import Observation


def everything(inbox: QueueInbox) -> list[Observation]:
    taken = []
    while (observation := inbox.get(time.monotonic())) is not None:
        taken.append(observation)
    return taken


def test_what_comes_goes_in_order() -> None:
    inbox = QueueInbox()
    put = [PassageSensed(occupied=True), Recorded(grant_id=1), PassageSensed(occupied=False), FireSensed(active=True)]
    for observation in put:
        inbox.put(observation)
    assert everything(inbox) == put


def test_a_storm_of_edges_keeps_a_fire_waiting_for_a_few_steps_only() -> None:
    inbox = QueueInbox()
    for number in range(20_000):
        inbox.put(PassageSensed(occupied=number % 2 == 0))
    inbox.put(Recorded(grant_id=7))
    inbox.put(FireSensed(active=True))
    taken = everything(inbox)
    assert len(taken) == EDGES_KEPT + 2
    assert taken[-2:] == [Recorded(grant_id=7), FireSensed(active=True)]


def test_of_a_storm_the_last_level_is_heard() -> None:
    inbox = QueueInbox()
    for number in range(1001):
        inbox.put(PassageSensed(occupied=number % 2 == 0))
        inbox.put(FeedbackSensed(energised=number % 2 == 1))
    taken = everything(inbox)
    assert [edge for edge in taken if isinstance(edge, PassageSensed)][-1] == PassageSensed(occupied=True)
    assert [edge for edge in taken if isinstance(edge, FeedbackSensed)][-1] == FeedbackSensed(energised=False)
