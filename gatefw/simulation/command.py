"""`gatefw simulate`: rehearse, say what became of each visitor, and hold it to what was expected."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gatefw import settings
from gatefw.errors import SettingsError
from gatefw.simulation import account
from gatefw.simulation.rehearsal import Outcome, Play, rehearse, rehearse_live
from gatefw.simulation.visitors import draw_plans

USUAL_VISITORS: Final = 12
VISITORS_LIMIT: Final = 100_000
USAGE: Final = 2


def run_simulate(args: argparse.Namespace) -> int:
    """Run the command; exit code 0 only when every visitor was treated as expected and ops know all of it."""
    count = USUAL_VISITORS if args.visitors is None else args.visitors
    if not 1 <= count <= VISITORS_LIMIT:
        print(f"gatefw simulate: --visitors takes a number from 1 to {VISITORS_LIMIT}, not {count}.", file=sys.stderr)
        return USAGE
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # end the yard and the broker too
    effective = settings.defaults() if args.config is None else settings.load(args.config)
    play = Play(plans=draw_plans(count, args.seed), seed=args.seed, settings=effective, blank_frames=args.blank_frames)
    broker = broker_of(args.broker)
    outcome = show(play, broker, args.picture) if args.live else rehearse(play, broker=broker)
    return tell(outcome, as_json=args.json)


def show(play: Play, broker: tuple[str, int] | None, picture: Path | None) -> Outcome:
    """Rehearse on the wall clock under the eyes of a person."""
    from rich.console import Console  # noqa: PLC0415 - only the demo needs it

    from gatefw.simulation.liveview import LiveView  # noqa: PLC0415

    view = LiveView(Console(stderr=True, record=picture is not None), plans=play.plans)
    outcome = rehearse_live(play, broker=broker, watch=view.watch, beside=view.run)
    if picture is not None:
        view.save(picture)
    return outcome


def broker_of(url: str | None) -> tuple[str, int] | None:
    """Read `mqtt://host:port`; None means: start a mosquitto of our own."""
    if url is None:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"mqtt://{url}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError("broker_url", f"--broker {url}: {error}; write mqtt://host:port.") from error
    if parts.scheme != "mqtt" or not host:
        raise SettingsError("broker_url", f"--broker {url}: write mqtt://host:port.")
    return host, port or 1883


def tell(outcome: Outcome, *, as_json: bool) -> int:
    """Print what became of each visitor, and the counts."""
    accounts = account.visitors(outcome)
    total = account.summary(outcome, accounts)
    if as_json:
        for each in accounts:
            print(json.dumps(each.as_json(), ensure_ascii=False))
        print(json.dumps(total))
    else:
        print("\n".join(account.lines(accounts)))
        print(account.sentence(total))
    return os.EX_OK if account.is_good(total) else 1
