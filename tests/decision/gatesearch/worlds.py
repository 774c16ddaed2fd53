"""The worlds that are searched. Together they hold every memory, every device and every kind of code and reading."""

from gatefw.model import Device
from gatesearch.world import Q_S, World, rules

WORLDS = (
    World(name="a visitor", rules=rules()),
    World(
        name="a fever",
        rules=rules(fevered=4, desk_limit=1, join=2, hold=1, held_open=1),
        readings=("normal", "high"),
        late=False,
    ),
    World(
        name="two people",
        rules=rules(passback=1, join=2, hold=1, held_open=1),
        codes=("A1", "B1"),
        readings=("normal",),
        late=False,
    ),
    World(
        name="codes",
        rules=rules(),
        codes=("A1", "S1", "red", "foreign"),
        readings=("normal",),
        untrusted=True,
        late=False,
    ),
    World(
        name="codes that expire",
        rules=rules(desk_limit=1, hold=1, held_open=1),
        readings=("normal",),
        life_s=2 * Q_S,
        late=False,
    ),
    World(
        name="temperatures",
        rules=rules(max_tries=2, desk_limit=1, hold=1, held_open=1),
        readings=("normal", "border", "low", "frozen"),
        late=False,
    ),
    World(
        name="devices",
        rules=rules(feedback_fitted=1, desk_limit=1, join=2, hold=1, held_open=1, tailgate=0, linger=0),
        readings=("normal",),
        devices=(Device.BARRIER,),
        faults=1,
        late=False,
    ),
    World(
        name="a slow start",
        rules=rules(),
        readings=("normal",),
        devices=(Device.THERMOMETER, Device.READER),
        awaited=frozenset({Device.THERMOMETER, Device.READER}),
        late=False,
    ),
    World(
        name="bouncing contacts",
        rules=rules(debounce=1, desk_limit=1, held_open=1, join=2),
        late=False,
        readings=("normal",),
    ),
    World(
        name="the lane",
        rules=rules(stuck=3, desk_limit=1, join=2, hold=1, held_open=1),
        readings=("empty", "normal", "hot"),
        late=False,
    ),
    World(name="a slow store", rules=rules(record=1), readings=("empty", "normal"), unanswered=2),
)
