"""Whose signature counts, for what, and until when: a trust folder's files become one frozen value.

A key is scoped by format, issuer, algorithm and purpose, so that a key trusted for travel certificates can't
sign a Jixiang code. Files of the folder: `policy.toml` (valid_until, one [[key]] a file), `issuers/*.pem`,
`jwks/*.json` (SMART Health Cards: each needs its row, but no key counts, since such codes are not verified yet).
`permit.cose` and `staff.cose` may lie there for the rooms that read them. Lists in `revoked/` are not read yet, so a
folder that holds one is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec

from gatefw.credentials.certificate import KeyFile, PublicKey, read_pem
from gatefw.credentials.policy import ALGORITHMS, POLICY_NAME, Row, read_policy
from gatefw.errors import TrustError
from gatefw.model import Format, Instant

_ISSUERS: Final = "issuers/"
_KEY_SETS: Final = "jwks/"
_REVOKED: Final = "revoked/"
_READ_ELSEWHERE: Final = (_REVOKED, "permit.cose", "staff.cose")
_CREDENTIAL: Final = "credential"


class Algorithm(StrEnum):
    """How a key signs (RFC 9053 §2.1, RFC 8230 §2). A code's own word for it must agree, and never decides."""

    ES256 = "ES256"
    PS256 = "PS256"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedKey:
    """A key and its scope. `issuer` None = whatever issuer the code names; `purposes` as in `certificate.KeyFile`."""

    name: str
    key_id: bytes
    public: PublicKey
    purposes: frozenset[str]
    format: Format
    issuer: str | None
    algorithm: Algorithm
    purpose: str = _CREDENTIAL


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustStore:
    """All trusted keys by key id (ids may collide), and the Unix time after which none counts (None = no such time)."""

    keys: Mapping[bytes, tuple[TrustedKey, ...]]
    valid_until_utc: float | None

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a trust folder: names relative to it, with `/`. TrustError names file, key and remedy."""
        _refuse_strangers(files)
        _refuse_unread_revocations(files)
        policy = read_policy(files.get(POLICY_NAME))
        rows = {row.file: row for row in policy.rows}
        _match_rows(rows, (name for name in files if name.startswith((_ISSUERS, _KEY_SETS))))
        keys = [
            _scoped(row, _only_key(name, files[name])) for name, row in rows.items() if row.format is not Format.SHC
        ]
        return cls(keys=_by_id(keys), valid_until_utc=policy.valid_until_utc)

    @classmethod
    def from_certificates(cls, pems: Mapping[str, bytes]) -> Self:
        """Trust exactly these PEM files, for travel certificates and Jixiang codes of whatever issuer; TrustError."""
        keys = [key for name, pem in pems.items() for file in read_pem(name, pem) for key in _unscoped(name, file)]
        return cls(keys=_by_id(keys), valid_until_utc=None)

    def usable_at(self, now: Instant) -> bool:
        """Whether the whole interval of `now` lies before the end of the lists; false in untrusted time if they end."""
        if self.valid_until_utc is None:
            return True
        return now.trusted and now.wall_utc + now.uncertainty_s < self.valid_until_utc


def _by_id(keys: Iterable[TrustedKey]) -> dict[bytes, tuple[TrustedKey, ...]]:
    found: dict[bytes, tuple[TrustedKey, ...]] = {}
    for key in keys:
        known = found.get(key.key_id, ())
        if not any(_is_same(key, other) for other in known):  # the same file twice would be tried twice for each code
            found[key.key_id] = (*known, key)
    return found


def _is_same(key: TrustedKey, other: TrustedKey) -> bool:
    return replace(key, name=other.name) == other


def _refuse_strangers(files: Iterable[str]) -> None:
    for name in files:
        is_key = (name.startswith(_ISSUERS) and name.endswith(".pem")) or (
            name.startswith(_KEY_SETS) and name.endswith(".json")
        )
        if not (is_key or name == POLICY_NAME or name.startswith(_READ_ELSEWHERE)):
            raise TrustError(
                "unknown_file",
                f"{name}: nothing reads this file; {POLICY_NAME}, {_ISSUERS}*.pem and {_KEY_SETS}*.json belong here."
                " Take it away.",
            )


def _refuse_unread_revocations(files: Mapping[str, bytes]) -> None:
    """A list of revoked codes that nobody reads would be trusted in silence: refuse it, which fails closed."""
    for name in sorted(files):
        if name.startswith(_REVOKED) and files[name].strip():
            raise TrustError(
                "revocations_unread",
                f"{name}: this version can't read revocation lists, and won't admit as if there were none."
                " Take the file away, and the key that it limits.",
            )


def _match_rows(rows: Mapping[str, Row], names: Iterable[str]) -> None:
    """Each key file has its row and each row its file: neither is trusted by accident nor missed in silence."""
    found = set(names)
    for name in sorted(found - rows.keys()):
        raise TrustError(
            "file_without_row", f"{name}: {POLICY_NAME} has no [[key]] for it; add one or take the file away."
        )
    for name in sorted(rows.keys() - found):
        raise TrustError("row_without_file", f"{POLICY_NAME}: [[key]] names {name}, which is missing; add the file.")


def _only_key(name: str, pem: bytes) -> KeyFile:
    found = read_pem(name, pem)
    if len(found) != 1:
        raise TrustError(
            "several_keys", f"{name}: {len(found)} certificates in one file; give each its own file and row."
        )
    return found[0]


def _scoped(row: Row, file: KeyFile) -> TrustedKey:
    algorithm = _algorithm(file)
    if row.alg != algorithm:
        raise TrustError(
            "alg", f"{POLICY_NAME}: alg of {row.file} is {row.alg!r}, but its key signs {algorithm}; correct it."
        )
    return TrustedKey(
        name=row.file, key_id=file.key_id, public=file.public, purposes=file.purposes,
        format=row.format, issuer=row.iss, algorithm=algorithm, purpose=row.purpose,
    )  # fmt: skip


def _unscoped(name: str, file: KeyFile) -> Iterable[TrustedKey]:
    algorithm = _algorithm(file)
    for form in (form for form, algorithms in ALGORITHMS.items() if algorithm in algorithms):
        yield TrustedKey(
            name=name, key_id=file.key_id, public=file.public, purposes=file.purposes,
            format=Format(form), issuer=None, algorithm=algorithm,
        )  # fmt: skip


def _algorithm(file: KeyFile) -> Algorithm:
    return Algorithm.ES256 if isinstance(file.public, ec.EllipticCurvePublicKey) else Algorithm.PS256
