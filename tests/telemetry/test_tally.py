"""What ops count: a repeat of a key is no duplicate, one happening under two keys is."""

from gatefw.simulation.subscriber import Heard, Tally, tally


def heard(key: str, happening: str) -> Heard:
    return Heard(topic="gatefw/v1/g/event/left", key=key, happening=happening, event={})


def test_a_repeat_of_a_key_is_redelivered() -> None:
    seen = [heard("e-1", "a"), heard("e-1", "a"), heard("e-2", "b")]
    assert tally(seen, ["e-1", "e-2"]) == Tally(received=2, duplicates=0, redelivered=1, missing=0)


def test_one_happening_under_two_keys_is_a_duplicate() -> None:
    seen = [heard("e-1", "a"), heard("e-2", "a")]
    assert tally(seen, ["e-1", "e-2", "e-3"]) == Tally(received=2, duplicates=1, redelivered=0, missing=1)
