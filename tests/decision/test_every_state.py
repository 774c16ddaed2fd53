"""The exhaustive search over the shipped `step`: every kind of input in every reachable state, every rule.

`gatesearch/` holds its parts: `world` (rules in quanta, inputs), `worlds` (which are searched), `witness` (the rules,
and an account of the world of its own), `canon` (which situations are one), `walk` (breadth first to the end), `faults`
(planted in the table, each to be found).
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

import pytest
from gatesearch.faults import FAULTS, Fault
from gatesearch.searches import search, search_for
from gatesearch.walk import Found, Walk
from gatesearch.worlds import WORLDS

from gatefw.decision import gate
from gatefw.decision.state import Phase
from gatefw.model import Input

pytestmark = pytest.mark.search

PROCESSES = 2
AT_LEAST = 100_000


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def told(found: Found) -> str:
    """A broken rule with the inputs that lead to it."""
    return "\n".join((f"in {found.world!r} {found.detail}, after", *(f"  {line}" for line in found.trail)))


def test_no_input_in_any_reachable_state_breaks_a_rule(
    pool: ProcessPoolExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    walks = [pool.submit(search, world.name) for world in WORLDS]
    found: list[Found] = []
    for walk in as_completed(walks):
        found.append(walk.result())
        with capsys.disabled():
            each = found[-1]
            print(f"\n  {each.world}: {each.states} states, {each.steps} steps, {each.resting} at rest", end="")
    states, steps = sum(each.states for each in found), sum(each.steps for each in found)
    never = {row.name for row in gate.ROWS} - set[str]().union(*(each.rows for each in found))
    with capsys.disabled():
        print(
            f"\n  {len(found)} worlds: {states} states, {steps} steps; rows never taken: {sorted(never) or 'none'} ",
            end="",
        )
    assert not [told(each) for each in found if each.broken]
    assert all(each.closed for each in found)
    assert states >= AT_LEAST
    assert not never
    assert set[str]().union(*(each.phases for each in found)) == set(Phase)


def test_every_kind_of_input_is_given_in_every_world(pool: ProcessPoolExecutor) -> None:
    kinds = {kind.__name__ for kind in Input.__args__}
    for world in WORLDS:
        found = Walk(world, limit=400).run()
        assert kinds <= found.inputs, world.name


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_planted_in_the_table_is_found(fault: Fault, pool: ProcessPoolExecutor) -> None:
    found = pool.submit(search_for, fault.name).result()
    assert found.broken == fault.rule, told(found)
