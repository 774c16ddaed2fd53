"""Who has just passed, and which codes are used up: keys and short memories, never a person.

The key of a person is an HMAC over (issuer ‖ person), so a second code of the same person, or the (r, n−s) twin of
a signature, is still the same person. The key of a code is a digest over (issuer, cti), for the same reason.
"""

import hashlib
import hmac
from typing import Final

from gatefw.model import CodeKey, Credential, Instant, PassedBy, PersonKey, Spent

KEY_BYTES: Final = 16


def person_key(site_secret: bytes, credential: Credential) -> PersonKey:
    """HMAC-SHA-256(site secret, issuer ‖ person), 16 bytes. The length of the issuer keeps the parts apart."""
    issuer = credential.issuer.encode()
    text = len(issuer).to_bytes(4, "big") + issuer + credential.subject
    return PersonKey(hmac.digest(site_secret, text, "sha256")[:KEY_BYTES])


def code_key(credential: Credential) -> CodeKey | None:
    """SHA-256(issuer ‖ cti), 16 bytes, or None where a code has no identity of its own."""
    if credential.code_id is None:
        return None
    issuer = credential.issuer.encode()
    return CodeKey(hashlib.sha256(len(issuer).to_bytes(4, "big") + issuer + credential.code_id).digest()[:KEY_BYTES])


def is_spent(spent: tuple[Spent, ...], code: CodeKey | None) -> bool:
    """Has this code passed already?"""
    return code is not None and any(entry.code == code for entry in spent)


def has_passed(passed: tuple[PassedBy, ...], person: PersonKey | None) -> bool:
    """Did this person pass within the window?"""
    return person is not None and any(entry.person == person for entry in passed)


def current_spent(spent: tuple[Spent, ...], now: Instant) -> tuple[Spent, ...]:
    """Forget codes that can't be valid any more, whatever the clock's error."""
    return tuple(entry for entry in spent if not entry.until_utc < now.wall_utc - now.uncertainty_s)


def current_passed(passed: tuple[PassedBy, ...], now: Instant) -> tuple[PassedBy, ...]:
    """Forget persons whose window has ended, whatever the clock's error."""
    return tuple(entry for entry in passed if not entry.until_utc < now.wall_utc - now.uncertainty_s)
