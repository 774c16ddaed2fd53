"""In the place of a store that can't be opened: takes nothing, and tries to open it each time that it is asked.

With it a gate can stand out of service with its lamps lit, see fire and forced entry, and keep what it has to
tell until the card is there. It remembers neither spent codes nor persons: once the card is back the gate must begin
anew with what the card remembers, so `back` is called, once.
"""

from collections.abc import Callable, Sequence

from gatefw.errors import StoreError
from gatefw.model import Record, Report
from gatefw.store.database import Store


class AbsentStore:
    """What `Recorder` needs of a store. `open_store` raises StoreError as long as the store can't be had."""

    def __init__(self, *, open_store: Callable[[], Store], back: Callable[[], None]) -> None:
        self._open_store = open_store
        self._back = back
        self._store: Store | None = None

    def commit_all(self, jobs: Sequence[Record | Report]) -> list[int | StoreError]:
        """Commit as `Store.commit_all` does, if the store can be opened by now; else StoreError."""
        return self._opened().commit_all(jobs)

    def probe(self) -> None:
        """Return when the store takes commits, else raise StoreError."""
        self._opened().probe()

    def checkpoint(self) -> None:
        """Copy a long write-ahead log back; there is none while the store is absent."""
        if self._store is not None:
            self._store.checkpoint()

    def close(self) -> None:
        """Close the store, if it came; safe to call twice."""
        if self._store is not None:
            self._store.close()

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._open_store()
            self._back()
        return self._store
