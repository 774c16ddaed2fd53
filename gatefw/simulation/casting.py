"""The visitors of a scenario file become plans: what stands on the phone, who holds it, and how.

Half a sentence says what can't be shown; `scenario` puts the file's and the visitor's name before it.
"""

import io
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

import segno

from gatefw.errors import GatefwError
from gatefw.options import shown
from gatefw.simulation.render import code_modules, fit_picture
from gatefw.simulation.script import First, Visitor
from gatefw.simulation.visitors import QR_LIMIT, Code, Order, Pose, VisitorPlan

ORDERS: Final[Mapping[First, Order]] = {"together": Order.WITH_FACE, "phone": Order.FIRST, "face": Order.AFTER}
PICTURE_LIMIT_BYTES: Final = 8 << 20
TRIAL_PX: Final = 64


def corpora_folder() -> Path:
    """Return where test data made by others lies: $GATEFW_CORPORA, else beside the project."""
    named = os.environ.get("GATEFW_CORPORA")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "corpora"


def planned(number: int, visitor: Visitor, corpora: Path) -> VisitorPlan:
    """Make a plan. Raises ValueError for what does not go together, `corpora_missing` when there are no pictures."""
    code, literal, raw = _shown_code(visitor, corpora)
    if visitor.same_person_as >= number:
        raise ValueError(f"same_person_as is {visitor.same_person_as}, allowed is a visitor who came before")
    return VisitorPlan(
        number=number,
        kind=visitor.kind or code.value,
        expected=visitor.gets,
        code=code,
        literal=literal,
        raw=raw,
        second=Code(visitor.companion),
        person=visitor.same_person_as or None,
        pose=Pose(**{field.name: getattr(visitor.phone, field.name) for field in fields(Pose)}),
        forehead_c=visitor.forehead_c,
        order=ORDERS[visitor.first],
        forces_entry=visitor.forces_entry,
        tailgated=visitor.followed,
        uses_grant=visitor.uses_grant,
        sensor_fault=None if visitor.sensor_fault == "none" else visitor.sensor_fault,
        gap_s=visitor.waits_s,
        patience_s=visitor.patience_s,
        not_before_s=visitor.not_before_s,
    )


def _shown_code(visitor: Visitor, corpora: Path) -> tuple[Code, str | None, bytes | None]:
    """Return the code, and its text or bytes where it is not fetched from an authority."""
    given = {"text": visitor.text, "bytes_hex": visitor.bytes_hex, "picture": visitor.picture}
    named = [name for name, value in given.items() if value] + (["code"] if visitor.code != "none" else [])
    if len(named) > 1:
        raise ValueError(f"{' and '.join(named)} are both given: a phone shows one of them")
    text = visitor.text * visitor.text_times
    if len(text) > QR_LIMIT:
        raise ValueError(f"text_times makes {len(text)} characters: no QR code holds more than {QR_LIMIT}")
    if text and visitor.text_parts > 1:
        return Code.PICTURE, None, _first_part(text, visitor.text_parts)
    if text:
        code_modules(text)  # raises for what fits no code
        return Code.LITERAL, text, None
    if visitor.bytes_hex:
        code_modules(bytes.fromhex(visitor.bytes_hex))
        return Code.BINARY, None, bytes.fromhex(visitor.bytes_hex)
    if visitor.picture:
        return Code.PICTURE, None, _picture(corpora, visitor.picture)
    return Code(visitor.code), None, None


def _first_part(text: str, parts: int) -> bytes:
    """Draw the first code of a structured append (ISO/IEC 18004:2015, clause 8) as PNG."""
    drawn = io.BytesIO()
    segno.make_sequence(text, symbol_count=parts)[0].save(drawn, kind="png", scale=8, border=8)
    return drawn.getvalue()


def _picture(corpora: Path, name: str) -> bytes:
    if not corpora.is_dir():
        raise GatefwError("corpora_missing", f"the test data made by others is absent ({corpora}): set GATEFW_CORPORA.")
    path = corpora / name
    if not path.resolve().is_relative_to(corpora.resolve()):
        raise ValueError(f"picture is {shown(name)}, allowed is a path within {corpora}")
    try:
        with path.open("rb") as file:
            content = file.read(PICTURE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"picture {shown(name)} can't be read below {corpora}: look for its name there") from error
    if len(content) > PICTURE_LIMIT_BYTES:
        raise ValueError(f"picture {shown(name)} is larger than {PICTURE_LIMIT_BYTES} bytes")
    fit_picture(content, TRIAL_PX, TRIAL_PX)  # raises for what is none
    return content
