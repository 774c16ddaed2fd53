"""A contact counts once it has stood still."""

from hypothesis import given
from hypothesis import strategies as st

from gatefw.decision.debounce import Contact, deadline, observe, settle

WAIT_S = 0.03


def after(edges: list[tuple[float, bool]], now_s: float) -> Contact:
    """Feed edges in order, settling at each, and once more at `now_s`."""
    contact = Contact()
    for at_s, raw in edges:
        contact = observe(settle(contact, now_s=at_s, debounce_s=WAIT_S), raw=raw, now_s=at_s)
    return settle(contact, now_s=now_s, debounce_s=WAIT_S)


def test_a_level_that_stands_still_counts_after_the_wait() -> None:
    assert not after([(1.0, True)], 1.02).level
    assert after([(1.0, True)], 1.03).level


def test_a_bounce_starts_the_wait_anew() -> None:
    bouncing = [(1.0, True), (1.01, False), (1.02, True)]
    assert not after(bouncing, 1.04).level
    assert after(bouncing, 1.05).level


def test_a_blip_never_counts() -> None:
    assert not after([(1.0, True), (1.01, False)], 9.0).level


def test_the_same_level_again_does_not_start_the_wait_anew() -> None:
    assert after([(1.0, True), (1.02, True)], 1.03).level


def test_the_deadline_is_when_the_level_will_change() -> None:
    contact = observe(Contact(), raw=True, now_s=1.0)
    assert deadline(contact, debounce_s=WAIT_S) == 1.0 + WAIT_S
    assert deadline(settle(contact, now_s=2.0, debounce_s=WAIT_S), debounce_s=WAIT_S) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=12), st.integers(0, 400))
def test_what_counts_has_stood_still_for_the_wait_or_was_so_at_first(
    edges: list[tuple[int, bool]], now_ms: int
) -> None:
    timed = sorted((at_ms / 1000, raw) for at_ms, raw in edges)
    now_s = max([now_ms / 1000, *(at_s for at_s, _ in timed)])
    contact = after(timed, now_s)
    last_raw = timed[-1][1] if timed else False
    assert contact.raw == last_raw
    if contact.level != contact.raw:
        assert now_s < contact.raw_since_s + WAIT_S
