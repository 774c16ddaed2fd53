"""What gate.toml allows, the rooms that get it take: no bound of a setting is refused behind its back."""

import msgspec
import pytest
from msgspec import inspect

from gatefw import settings
from gatefw.decision.fever import FeverRules
from gatefw.decision.presence import PresenceRules

CONTRADICT_A_DEFAULT = {("samples", 25), ("tries_window_s", 5)}


def _bounds(section: type[msgspec.Struct]):
    for field in msgspec.structs.fields(section):
        declared = inspect.type_info(field.type)
        assert isinstance(declared, inspect.Metadata)
        for value in (declared.type.ge, declared.type.le):
            yield pytest.param(field.name, value, id=f"{field.name}={value}")


def taken(section: msgspec.Struct, name: str, value: object) -> dict[str, object]:
    return msgspec.structs.asdict(msgspec.structs.replace(section, **{name: value}))


def consistent(changed: settings.Settings, folder) -> bool:
    file = folder / "gate.toml"
    file.write_text(settings.show(changed), encoding="utf-8")
    return settings.check(file) == []


@pytest.mark.parametrize(("name", "value"), list(_bounds(settings.Fever)))
def test_fever_takes_every_bound_that_the_file_allows(tmp_path, name, value):
    usual = settings.defaults()
    fever = msgspec.structs.replace(usual.fever, **{name: value})
    if consistent(msgspec.structs.replace(usual, fever=fever), tmp_path):
        FeverRules(**msgspec.structs.asdict(fever), frozen_samples=fever.samples)
    else:
        assert (name, value) in CONTRADICT_A_DEFAULT


@pytest.mark.parametrize(("name", "value"), list(_bounds(settings.Presence)))
def test_presence_takes_every_bound_that_the_file_allows(name, value):
    PresenceRules(**taken(settings.Presence(), name, value))


def test_the_defaults_are_the_rooms_own():
    fever, presence = settings.Fever(), settings.Presence()
    usual = FeverRules()
    assert {name: getattr(usual, name) for name in fever.__struct_fields__} == msgspec.structs.asdict(fever)
    assert PresenceRules(**msgspec.structs.asdict(presence)) == PresenceRules()
