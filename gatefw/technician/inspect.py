"""`gatefw verify` and `gatefw scan`: is this code true, judged alone, without venue, permit or passage?

Judged: bounds, signature, time, key usage, structure, colour. Exit codes: 0 all accepted, 1 something was refused
(or a picture holds no code), 2 something could not be judged at all, 78 (from `main`) the settings are broken. With
`--json` one object a line goes to stdout, all else to stderr.
"""

import argparse
import sys
from pathlib import Path

from gatefw.errors import GatefwError, SettingsError

USAGE = 2


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gatefw verify`."""
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the text of one code; - reads it from standard input")
    parser.add_argument(
        "--lines", metavar="FILE", help="a file (or -) with one code a line; one answer a line, in order"
    )
    _add_shared(parser)


def add_scan_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gatefw scan`."""
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture with codes in it")
    _add_shared(parser)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="a gate.toml, whose trust folder counts")
    parser.add_argument("--trust", type=Path, metavar="DIR", help="a trust folder")
    parser.add_argument(
        "--issuer-cert",
        type=Path,
        action="append",
        default=[],
        metavar="PEM",
        help="trust this certificate (repeatable)",
    )
    parser.add_argument("--issuer-jwks", type=Path, metavar="JSON", help="trust these keys for SMART Health Cards")
    parser.add_argument("--at", metavar="RFC3339", help="judge at this time instead of now, as 2021-06-01T12:00:00Z")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object a line")


def run_verify(args: argparse.Namespace) -> int:
    """Answer each text; see the module for the exit code."""
    # Imported here, as below: the libraries that verify and read pictures would make `gatefw --help` slow.
    from gatefw.technician import judgement, sources  # noqa: PLC0415

    try:
        trust, now = sources.asked_trust(args), sources.asked_instant(args.at)
        return judgement.verify_texts(sources.asked_texts(args), trust, now, as_json=args.json)
    except SettingsError:
        raise  # the same answer as from every other command
    except GatefwError as why:
        print(why, file=sys.stderr)
        return USAGE


def run_scan(args: argparse.Namespace) -> int:
    """Answer each picture; one that can't be read costs exit code 2 and no other picture its answer."""
    from gatefw.technician import judgement, sources  # noqa: PLC0415

    try:
        trust, now = sources.asked_trust(args), sources.asked_instant(args.at)
    except SettingsError:
        raise
    except GatefwError as why:
        print(why, file=sys.stderr)
        return USAGE
    return judgement.scan_images(args.images, trust, now, as_json=args.json)
