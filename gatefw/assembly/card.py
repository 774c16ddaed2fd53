"""What must outlive a power cut, opened at once: all of it can be had, or the gate stands without."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gatefw.errors import StoreError
from gatefw.model import (
    DeviceReady,
)
from gatefw.ports import Observation, Put
from gatefw.settings import Settings
from gatefw.store import SECRET_BYTES, AbsentStore, Memory, Store, Unfinished, site_secret
from gatefw.telemetry.message import GateIdentity, event_data


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What the card holds at start: the open store, what it remembers, and the secret that turns persons into keys."""

    store: Store | AbsentStore
    memory: Memory
    unfinished: tuple[Unfinished, ...]
    site_secret: bytes


def open_card(settings: Settings, identity: GateIdentity, now_utc: float) -> Card:
    """Open what must outlive a power cut; StoreError when any of it can't be had."""
    store = Store.open(Path(settings.store.path), partial(event_data, identity))
    try:
        return Card(
            store=store,
            memory=store.memory(now_utc),
            unfinished=store.unfinished_grants(),
            site_secret=site_secret(Path(settings.passback.site_secret)),
        )
    except BaseException:
        store.close()
        raise


def open_real(open_now: Callable[[], Card]) -> Store:
    """Open the card for its store alone, as `AbsentStore` asks; StoreError as long as any of it can't be had."""
    store = open_now().store
    if not isinstance(store, Store):
        raise StoreError("storage_error", "The card can't be opened.")
    return store


def blank_card(absent: AbsentStore) -> Card:
    """Make the card of a gate that can't have one: it remembers nothing, and nobody is admitted on it."""
    nothing = Memory(spent=(), passed=(), next_grant_id=1)
    secret = secrets.token_bytes(SECRET_BYTES)
    return Card(store=absent, memory=nothing, unfinished=(), site_secret=secret)


def but_ready(put: Put) -> Put:
    """Hold back that the card works again: a gate that doesn't know what is on it must begin anew, not go on."""

    def tell(observation: Observation) -> None:
        if not isinstance(observation, DeviceReady):
            put(observation)

    return tell
