"""What `gatefw verify` and `gatefw scan` are asked: which texts, by whose keys, at what time."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from gatefw import settings
from gatefw.credentials import TrustStore
from gatefw.drivers.clock import SystemClock
from gatefw.errors import GatefwError, TrustError
from gatefw.model import TEXT_LIMIT_CHARS, Instant
from gatefw.store import read_trust

_LINE_LIMIT_BYTES: Final = 4 * TEXT_LIMIT_CHARS + 2
_FILE_LIMIT_BYTES: Final = 4 * 1024 * 1024


class UsageError(GatefwError, ValueError):
    """The command can't be done as it was given; the sentence says what to give instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__("usage", sentence)


def asked_texts(args: argparse.Namespace) -> Iterable[str]:
    """Return the texts to judge, in order; UsageError unless exactly one way to give them was taken."""
    if (args.text is None) == (args.lines is None):
        raise UsageError("Give one TEXT, or - to read it from standard input, or --lines FILE.")
    if args.lines is not None:
        return _lines(args.lines)
    if args.text != "-":
        return [str(args.text)]
    return [_decoded(_standard_input().read(_LINE_LIMIT_BYTES))]


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:  # closed before we began
        raise UsageError("Standard input is closed; give the text as an argument, or --lines FILE.")
    return sys.stdin.buffer


def _lines(name: str) -> Iterator[str]:
    """Yield the lines of a file or of standard input; one too long for any code comes cut, and is refused as such."""
    if name == "-":
        yield from _lines_of(_standard_input())
        return
    try:
        with Path(name).open("rb") as stream:
            yield from _lines_of(stream)
    except OSError as why:
        raise UsageError(f"{name}: can't be read ({why.strerror}); give a file with one code a line.") from None


def _lines_of(stream: IO[bytes]) -> Iterator[str]:
    while line := stream.readline(_LINE_LIMIT_BYTES):
        yield _decoded(line)
        while not line.endswith(b"\n") and (line := stream.readline(_LINE_LIMIT_BYTES)):
            pass


def _decoded(line: bytes) -> str:
    """Take the line ending off, and nothing else; bytes that are no UTF-8 stay as lone surrogates."""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="surrogateescape")


def asked_instant(at: str | None) -> Instant:
    """Return the moment to judge at, trusted to the second: whoever asks vouches for it."""
    wall_utc = SystemClock().now().wall_utc if at is None else _parsed(at)
    return Instant(mono_s=0.0, wall_utc=wall_utc, uncertainty_s=0.0, trusted=True)


def _parsed(at: str) -> float:
    try:
        moment = datetime.fromisoformat(at.strip().upper())  # RFC 3339 §5.6 allows t and z
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"--at {at!r} is no RFC 3339 time; give one with its offset, as 2021-06-01T12:00:00Z.")
    return moment.timestamp()


def asked_trust(args: argparse.Namespace) -> TrustStore:
    """Return the one source of trust that was named, or a store that trusts nobody."""
    loose = bool(args.issuer_cert or args.issuer_jwks)
    if (args.config is not None) + (args.trust is not None) + loose > 1:
        raise UsageError("Give only one source of trust: --config, --trust, or --issuer-cert and --issuer-jwks.")
    if args.issuer_jwks:
        _judge_jwks(args.issuer_jwks)
    if args.config is not None or args.trust is not None:
        return _folder_trust(args)
    return TrustStore.from_certificates({str(path): _content(path) for path in args.issuer_cert})


def _folder_trust(args: argparse.Namespace) -> TrustStore:
    folder = args.trust if args.trust is not None else _configured_folder(args.config)
    return TrustStore.from_files(read_trust(folder))


def _configured_folder(config: Path) -> Path:
    return Path(settings.load(config).trust.folder)


def _judge_jwks(path: Path) -> None:
    """Refuse a file that is no key set, and say what a right one is good for here."""
    try:
        keys = json.loads(_content(path))
        whole = isinstance(keys, dict) and isinstance(keys.get("keys"), list)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise TrustError("jwks", f'{path}: this is no JSON Web Key Set; give a file as {{"keys": [...]}}.')
    print(f"{path}: this version can't verify SMART Health Cards; they are answered as unsupported.", file=sys.stderr)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_FILE_LIMIT_BYTES + 1)
    except OSError as why:
        raise UsageError(f"{path}: can't be read ({why.strerror}); correct the path.") from None
    if len(content) > _FILE_LIMIT_BYTES:
        raise UsageError(f"{path}: more than {_FILE_LIMIT_BYTES} bytes; this is no key file.")
    return content
