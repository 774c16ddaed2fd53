"""How a TOML file becomes frozen values: declarations are turned into checks, sentences and the manual.

It knows no particular option. A problem is one sentence that names section and key, what was given and what
is allowed; all problems of a file are found in one reading.
"""

import difflib
import functools
import json
import re
import tomllib
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import inspect

from gatefw.errors import SettingsError

FILE_LIMIT_BYTES: Final = 256 * 1024
"""No settings file is near this; a larger file is a mistake and is not parsed."""

NOT_FITTED: Final = "none"
"""What is written for a line that this gate does not have; its value is None."""

_COLUMN: Final = 34


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a settings file, or (its fields being sections) the file itself."""


S = TypeVar("S", bound=Section)


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option as declared. `allowed` and `meaning` are phrases; `hexadecimal` says how it is written."""

    name: str
    type: Any
    default: object
    meaning: str
    allowed: str
    may_be_absent: bool
    hexadecimal: bool

    def convert(self, given: object) -> object:
        """Turn what stood in the file into the value; ValueError when it is none of what is allowed."""
        if self.may_be_absent and given == NOT_FITTED:
            return None
        # Every number has both bounds (`_allowed` sees to that), and msgspec finds NaN outside any bound.
        return msgspec.convert(given, self.type)

    def line(self, value: object) -> str:
        """Write `name = value` in TOML."""
        return f"{self.name} = {self.written(value)}"

    def written(self, value: object) -> str:
        """Write a value in TOML."""
        if value is None:
            return f'"{NOT_FITTED}"'
        # JSON's strings, numbers and booleans are TOML's too, once no character needs two escapes.
        return f"0x{value:02X}" if self.hexadecimal else json.dumps(value, ensure_ascii=False)


@functools.cache
def _declared(kind: Hashable) -> Mapping[str, Option]:
    return {field.name: _option(field) for field in msgspec.structs.fields(cast("type[Section]", kind))}


def options(kind: type[Section]) -> Mapping[str, Option]:
    """List the options that a section declares, in order."""
    return _declared(kind)


def read(path: Path, kind: type[S], conflicts: Callable[[S], Iterable[str]]) -> tuple[S, list[str]]:
    """Read a file; give its values and every problem found.

    `conflicts` judges rules between options, and only when each option is right by itself. SettingsError
    is raised when the file can't be read at all (missing, not TOML).
    """
    problems: list[str] = []
    settings = sections(parse(path), kind(), problems)
    problems += [] if problems else conflicts(settings)
    return settings, [f"{path}: {problem}." for problem in problems]


def file_text(settings: Section) -> str:
    """Write settings as TOML that `read` takes back; what differs from the default says so."""
    blocks = []
    for name in settings.__struct_fields__:
        section = getattr(settings, name)
        blocks.append([f"[{name}]"] + [_told(option, section) for option in options(type(section)).values()])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def manual_text(settings: Section) -> str:
    """Write every option with its default, what it means and what is allowed."""
    blocks = [
        [
            "# Settings of one gate: every option, its default, what it means (what is allowed).",
            "# Leave out what you do not change, then say: gatefw config check FILE",
            "# A name ends in its unit: _s seconds, _c degrees Celsius, _k kelvin, _px pixels.",
        ]
    ]
    for name in settings.__struct_fields__:
        section = type(getattr(settings, name))
        lines = [f"{option.line(option.default):<{_COLUMN}}  # {option.meaning} ({option.allowed})"
                 for option in options(section).values()]  # fmt: skip
        blocks.append([f"# {section.__doc__}", f"[{name}]", *lines])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _told(option: Option, section: Section) -> str:
    value = getattr(section, option.name)
    differs = value != option.default
    return option.line(value) + (f"  # default: {option.written(option.default)}" if differs else "")


# ---------------------------------------------------------------- reading


def parse(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises SettingsError when it is missing, too large or not TOML."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise SettingsError("settings_missing", f"{path}: cannot be read: {error.strerror}.") from error
    if len(raw) > FILE_LIMIT_BYTES:
        raise SettingsError("settings_oversize", f"{path}: is larger than {FILE_LIMIT_BYTES} bytes.")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError("settings_syntax", f"{path}: is not UTF-8 text (at line {line}).") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError("settings_syntax", f"{path}: is not TOML: {_syntax(str(error), raw)}.") from error


_HINTS: Final = {
    "Invalid value": '; a value is "text", a number, true or false',
    "Cannot overwrite a value": "; it is given twice, so take one away",
}
"""What to do about the parser's commonest words."""


def _syntax(said: str, raw: bytes) -> str:
    """Say what the parser said, and what stands in the line that it means."""
    place = re.search(r"\(at line (\d+), column \d+\)$", said)
    if place is None:
        return shown(said)
    line = raw.decode("utf-8-sig").split("\n")[int(place[1]) - 1].strip()
    hint = next((hint for start, hint in _HINTS.items() if said.startswith(start)), "")
    return f"{shown(said)}: {shown(line)}{hint}"


def sections(tables: Mapping[str, Any], base: S, problems: list[str]) -> S:
    """Put what `tables` say in the place of what `base` says; every problem found is added to `problems`."""
    known = {field.name: field.type for field in msgspec.structs.fields(type(base))}
    changed = {}
    for name, table in tables.items():
        if name not in known:
            problems.append(_no_section(name, table, base))
        elif not isinstance(table, dict):
            problems.append(f"{name} must be a section: write [{name}] on a line of its own, once")
        else:
            changed[name] = section(name, table, getattr(base, name), problems)
    return msgspec.structs.replace(base, **changed)


def _no_section(name: str, given: object, base: Section) -> str:
    known = base.__struct_fields__
    homes = [home for home in known if name in options(type(getattr(base, home)))]
    if homes and not isinstance(given, dict):
        return f"{shown(name)} stands in no section: write it below [{homes[0]}]"
    return f"there is no section [{shown(name)}]{nearest(name, known)}"


def section(name: str, table: Mapping[str, Any], base: S, problems: list[str]) -> S:
    """Do the same for one section, called `name` in what is said of it."""
    known, values = options(type(base)), {}
    for key, given in table.items():
        if key not in known:
            problems.append(f"[{name}] has no option {shown(key)}{_reason(key) or nearest(key, known)}")
            continue
        try:
            values[key] = known[key].convert(given)
        except ValueError:
            option = known[key]
            problems.append(f"[{name}] {key} is {_given(given)}, allowed is {option.allowed} ({option.meaning})")
    return msgspec.structs.replace(base, **values)


def _reason(key: str) -> str:
    """Say why an option that people look for does not exist."""
    if "active_low" in key or "active_high" in key or "invert" in key:
        return (
            ": outputs are active-high only, because an active-low relay would open the turnstile "
            "whenever the Pi is off or starting"
        )
    return ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Name what was probably meant, or everything that there is."""
    known = tuple(known)
    near = difflib.get_close_matches(name[:64], known, n=1, cutoff=0.5)
    return f"; the nearest is {near[0]}" if near else f"; there are {', '.join(known)}"


def _given(value: object) -> str:
    if isinstance(value, str):
        return f'"{shown(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return shown(str(value))


def shown(text: str) -> str:
    """Show what stood in the file on one line that is no longer than a line."""
    line = "".join(char if char.isprintable() else "�" for char in text)
    return line if len(line) <= 80 else line[:79] + "…"


# ---------------------------------------------------------------- declarations


def _option(field: msgspec.structs.FieldInfo) -> Option:
    declared = inspect.type_info(field.type)
    if not isinstance(declared, inspect.Metadata):
        raise TypeError(f"{field.name} is declared without a meaning")
    extra, kind = declared.extra or {}, declared.type
    absent = isinstance(kind, inspect.UnionType)
    inner = kind.types[0] if isinstance(kind, inspect.UnionType) else kind
    allowed = extra.get("form") or _allowed(inner, hexadecimal="hex" in extra)
    return Option(
        name=field.name,
        type=field.type,
        default=field.default,
        meaning=(declared.extra_json_schema or {})["description"],
        allowed=allowed + (f' or "{NOT_FITTED}"' if absent else ""),
        may_be_absent=absent,
        hexadecimal="hex" in extra,
    )


def _allowed(kind: inspect.Type, *, hexadecimal: bool) -> str:
    kind = kind.type if isinstance(kind, inspect.Metadata) else kind
    match kind:
        case inspect.LiteralType(values=values):
            return ", ".join(f'"{value}"' for value in values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high) if hexadecimal:
            return f"0x{low:02X} to 0x{high:02X}"
        case inspect.IntType(ge=int(low), le=int(high)):
            return f"{low} to {high}, whole"
        case inspect.FloatType(ge=low, le=high) if low is not None and high is not None:
            return f"{low} to {high}"
        case _:
            raise TypeError(f"no bounds are declared: {kind}")
