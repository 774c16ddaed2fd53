"""When a contact has really changed: a level counts once it has stood still for a while.

Contacts bounce for some milliseconds, and gpiozero's own debouncing is lost under a simulated pin, so the rule is here.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """One contact: `level` is what counts, `raw` what the line last said, since `raw_since_s` (monotonic)."""

    level: bool = False
    raw: bool = False
    raw_since_s: float = 0.0


def observe(contact: Contact, *, raw: bool, now_s: float) -> Contact:
    """Take an edge of the line. `level` waits for `settle`."""
    if raw == contact.raw:
        return contact
    return replace(contact, raw=raw, raw_since_s=now_s)


def settle(contact: Contact, *, now_s: float, debounce_s: float) -> Contact:
    """Let the level follow a line that has stood still for `debounce_s`."""
    wakes_s = deadline(contact, debounce_s=debounce_s)
    if wakes_s is None or now_s < wakes_s:
        return contact
    return replace(contact, level=contact.raw)


def deadline(contact: Contact, *, debounce_s: float) -> float | None:
    """When `settle` would change the level, or None when it is settled."""
    return None if contact.raw == contact.level else contact.raw_since_s + debounce_s
