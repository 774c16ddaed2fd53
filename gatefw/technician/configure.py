"""`gatefw config check FILE` and `gatefw config show`: is this file right, and what is in force?"""

import argparse
import os
import sys

from gatefw import settings
from gatefw.errors import SettingsError


def run_check(args: argparse.Namespace) -> int:
    """Say everything that is wrong with a file; exit code 0 when nothing is, else 78 (EX_CONFIG)."""
    problems = settings.check(args.file)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return os.EX_CONFIG
    print(f"{args.file}: every option is right.")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print the settings in force as TOML; exit code 78 (EX_CONFIG) when the file can't be used."""
    try:
        effective = settings.load(args.config) if args.config else settings.defaults()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return os.EX_CONFIG
    print(settings.show(effective), end="")
    return 0
