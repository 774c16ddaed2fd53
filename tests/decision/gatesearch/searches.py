"""The two searches as plain functions of a name, so that a process of its own can run each."""

from gatesearch.faults import FAULTS
from gatesearch.walk import Found, Walk
from gatesearch.worlds import WORLDS

FAULT_LIMIT = 25_000
"""Situations in which a planted fault must have shown itself."""


def search(name: str) -> Found:
    """Walk one world to its end."""
    return Walk(next(world for world in WORLDS if world.name == name)).run()


def search_for(name: str) -> Found:
    """Walk until a planted fault is found."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    world = next(world for world in WORLDS if world.name == fault.world)
    return Walk(world, rows=fault.rows(), limit=FAULT_LIMIT).run()
