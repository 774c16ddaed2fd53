"""`gatefw simulate`: rehearse, say what became of each visitor, and hold it to what was expected."""

import argparse
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gatefw import settings
from gatefw.simulation import account
from gatefw.simulation.casting import corpora_folder
from gatefw.simulation.expectation import LIVE_SLACK_S, mismatches
from gatefw.simulation.rehearsal import Outcome, Play, rehearse, rehearse_live
from gatefw.simulation.scenario import Scenario, load
from gatefw.simulation.visitors import draw_plans

USUAL_VISITORS: Final = 12
VISITORS_LIMIT: Final = 100_000
SEED_LIMIT: Final = 2**32 - 1
USAGE: Final = 2
LIVE_GAP_S: Final = 0.3
"""Nobody who watches wants to see an empty lane for long."""


def run_simulate(args: argparse.Namespace) -> int:
    """Run the command; exit code 0 only when every visitor was treated as expected and ops know all of it."""
    wrong = called_wrongly(args)
    if wrong is not None:
        print(f"gatefw simulate: {wrong}", file=sys.stderr)
        return USAGE
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # end the yard and the broker too
    effective = settings.defaults() if args.config is None else settings.load(args.config)
    count = USUAL_VISITORS if args.visitors is None else args.visitors
    play = Play(plans=draw_plans(count, args.seed), seed=args.seed, settings=effective, blank_frames=args.blank_frames)
    scenario = None if args.scenario is None else load(args.scenario, effective, corpora_folder())
    if scenario is not None:
        play = scenario.play(args.seed, blank_frames=args.blank_frames)
    broker = broker_of(args.broker)
    outcome = show(play, broker, args.picture) if args.live else rehearse(play, broker=broker)
    code = tell(outcome, as_json=args.json)
    return code if scenario is None else hold(scenario, outcome, code, slack_s=LIVE_SLACK_S if args.live else 0.0)


def called_wrongly(args: argparse.Namespace) -> str | None:
    """Say what can't be meant in these arguments; None when all is well."""
    if args.visitors is not None and not 1 <= args.visitors <= VISITORS_LIMIT:
        return f"--visitors takes a number from 1 to {VISITORS_LIMIT}, not {args.visitors}."
    if not 0 <= args.seed <= SEED_LIMIT:
        return f"--seed takes a number from 0 to {SEED_LIMIT}, not {args.seed}."
    if args.picture is not None and not args.live:
        return "--picture shows a moment of --live: give both."
    if args.picture is not None and not args.picture.parent.is_dir():
        return f"--picture {args.picture}: there is no folder {args.picture.parent}; make it first."
    try:
        broker_of(args.broker)
    except ValueError as error:
        return f"--broker {args.broker}: {error}; write mqtt://host:port."
    return None


def hold(scenario: Scenario, outcome: Outcome, code: int, *, slack_s: float) -> int:
    """Say everything that the scenario did not expect; returns `code` if there is nothing."""
    print(f"{scenario.path}: {scenario.title}", file=sys.stderr)
    problems = mismatches(scenario, outcome, slack_s=slack_s)
    for problem in problems:
        print(f"✗ {problem}", file=sys.stderr)
    return 1 if problems else code


def show(play: Play, broker: tuple[str, int] | None, picture: Path | None) -> Outcome:
    """Rehearse on the wall clock under the eyes of a person."""
    from rich.console import Console  # noqa: PLC0415 - only the demo needs it

    from gatefw.simulation.liveview import LiveView  # noqa: PLC0415

    play = replace(play, plans=tuple(replace(plan, gap_s=LIVE_GAP_S) for plan in play.plans))
    view = LiveView(Console(stderr=True, record=picture is not None), plans=play.plans)
    outcome = rehearse_live(play, broker=broker, watch=view.watch, beside=view.run)
    if picture is not None:
        view.save(picture)
    return outcome


def broker_of(url: str | None) -> tuple[str, int] | None:
    """Read `mqtt://host:port`; None means: start a mosquitto of our own. Raises ValueError."""
    if url is None:
        return None
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    if parts.scheme != "mqtt" or not parts.hostname or parts.path.strip("/") or parts.username is not None:
        raise ValueError("this is no address of a broker")
    return parts.hostname, parts.port or 1883


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
