"""`policy.toml` of a trust folder: until when it counts, and one [[key]] for each key file.

valid_until = 2027-01-31T00:00:00Z

[[key]]
file = "issuers/jilin.pem"
format = "jixiang"        # or "hcert"; "shc" for a key set, jwks/*.json
iss = "CN-22"             # what the code must name as its issuer
alg = "ES256"             # or "PS256" (hcert only)
purpose = "credential"
"""

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gatefw.errors import TrustError
from gatefw.model import Format

POLICY_NAME: Final = "policy.toml"
POLICY_LIMIT_BYTES: Final = 1_048_576

_TOP: Final = ("valid_until", "key")
_FIELDS: Final = ("file", "format", "iss", "alg", "purpose")
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {"hcert": ("ES256", "PS256"), "jixiang": ("ES256",)}
"""What a certificate's key may sign. Key sets (shc) are listed and kept, and no key is taken from them here."""

_ROW_ALGORITHMS: Final = {**ALGORITHMS, "shc": ("ES256",)}
_FOLDERS: Final = {"shc": "jwks/"}
_PURPOSES: Final = ("credential",)
_ISS_LIMIT_CHARS: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One [[key]]: the scope of one key file."""

    file: str
    format: Format
    iss: str
    alg: str
    purpose: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`valid_until_utc` in Unix seconds, and the rows, each for a different file."""

    valid_until_utc: float
    rows: tuple[Row, ...]


def read_policy(content: bytes | None) -> Policy:
    """Read the file (None = it is missing); TrustError names the key and what to do."""
    table = _parse(content)
    _known(table, _TOP, POLICY_NAME)
    tables = table.get("key")
    if not isinstance(tables, list) or not tables:
        raise _refused("key", "has no [[key]] table; nobody would be trusted. Add one for each key file")
    rows = tuple(_row(number, each) for number, each in enumerate(tables, start=1))
    _refuse_twice([row.file for row in rows])
    return Policy(valid_until_utc=_valid_until(table.get("valid_until")), rows=rows)


def _parse(content: bytes | None) -> dict[str, object]:
    if content is None:
        raise _refused("missing", "is missing; the trust folder needs it beside issuers/")
    if len(content) > POLICY_LIMIT_BYTES:
        raise _refused("size", f"has more than {POLICY_LIMIT_BYTES} bytes")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise _refused("toml", "is not UTF-8; save it again as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as why:
        raise _refused("toml", f"is not TOML: {' '.join(str(why).split())[:120]}") from None


def _valid_until(value: object) -> float:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _refused("valid_until", "valid_until must be a date and time with its offset, as 2027-01-31T00:00:00Z")
    return value.timestamp()


def _row(number: int, table: object) -> Row:
    where = f"[[key]] number {number}"
    if not isinstance(table, dict):
        raise _refused("key", f"{where} is not a table")
    _known(table, _FIELDS, f"{POLICY_NAME}: {where}")
    file, form, iss, alg, purpose = (_text(table, field, where) for field in _FIELDS)
    _one_of("format", form, tuple(_ROW_ALGORITHMS), where)
    _one_of("alg", alg, _ROW_ALGORITHMS[form], where)
    folder = _FOLDERS.get(form, "issuers/")
    if not file.startswith(folder):
        raise _refused("file", f"{where}: {file} is of format {form!r}, whose files lie in {folder}; correct the row")
    _one_of("purpose", purpose, _PURPOSES, where)
    return Row(file=file, format=Format(form), iss=iss, alg=alg, purpose=purpose)


def _text(table: Mapping[str, object], field: str, where: str) -> str:
    value = table.get(field)
    if not isinstance(value, str) or not value or len(value) > _ISS_LIMIT_CHARS * 4:
        raise _refused(field, f"{where}: {field} must be a short text; write it in quotes")
    return value


def _one_of(field: str, value: str, allowed: Collection[str], where: str) -> None:
    if value not in allowed:
        raise _refused(
            field, f"{where}: {field} can't be {value!r}{_nearest(value, allowed)}; allowed: {', '.join(allowed)}"
        )


def _known(table: Mapping[str, object], allowed: Collection[str], where: str) -> None:
    for name in table:
        if name not in allowed:
            raise TrustError("unknown_key", f"{where}: unknown key {name!r}{_nearest(name, allowed)}.")


def _nearest(name: str, allowed: Collection[str]) -> str:
    near = difflib.get_close_matches(name, allowed, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _refuse_twice(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise _refused("file", f"two [[key]] tables name {name}; keep one")


def _refused(code: str, sentence: str) -> TrustError:
    return TrustError(code, f"{POLICY_NAME}: {sentence}.")
