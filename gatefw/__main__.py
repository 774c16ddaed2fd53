"""The command line: what each command takes, and which room does it. Rooms are opened only when they are needed."""

import argparse
import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from gatefw import __version__
from gatefw.errors import GatefwError, SettingsError

if TYPE_CHECKING:
    from gatefw.assembly import Gate, Ground
    from gatefw.settings import Settings

DEFAULT_CONFIG: Final = Path("/etc/gatefw/gate.toml")

LOG_LINE: Final = "gatefw: %(message)s"
STDERR: Final = 2

EXIT_CODES: Final = """exit codes:
  0   all is well: every code accepted, every visitor as expected
  1   a code was refused, or a visitor was not treated as expected
  2   the command was called wrongly, or a file it was given can't be read
  69  something the command needs is missing or fails (hardware, broker, store, room for the answer)
  75  the card could not be had and now can: start again (the service does)
  78  the settings or the scenario can't be used: one sentence names file, key and remedy
  130, 141, 143  ended by Ctrl-C, by whoever read the output, or by a request to stop
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format=LOG_LINE, stream=sys.stderr)
    try:
        code = int(args.run(args))
        if sys.stdout is not None:  # None: it was closed before we began
            sys.stdout.flush()
        return code
    except SettingsError as error:
        print(f"gatefw: {error}", file=sys.stderr)
        return os.EX_CONFIG
    except GatefwError as error:
        print(f"gatefw: {error}", file=sys.stderr)
        return os.EX_UNAVAILABLE
    except BrokenPipeError:
        return _give_up_output(128 + signal.SIGPIPE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"gatefw: {where}{error.strerror or error}.", file=sys.stderr)
        return _give_up_output(os.EX_UNAVAILABLE)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _give_up_output(code: int) -> int:
    """Let what was not written yet go nowhere, so that the interpreter doesn't stumble over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return code


def parser() -> argparse.ArgumentParser:
    """Declare every command."""
    top = argparse.ArgumentParser(
        prog="gatefw",
        description="A turnstile that opens for a verified green health code and a normal temperature.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"gatefw {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run the gate (the service does this)"))
    _add_simulate(commands.add_parser("simulate", help="rehearse with simulated visitors and a real broker"))
    _add_scan(commands.add_parser("scan", help="read the codes in pictures and judge them"))
    _add_verify(commands.add_parser("verify", help="judge the text of codes"))
    _add_config(commands.add_parser("config", help="check or show settings"))
    return top


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="default: %(default)s")
    command.set_defaults(run=run_gate)


def _add_simulate(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group()
    what.add_argument("--scenario", type=Path, metavar="FILE", help="rehearse what this file says, and hold it to it")
    what.add_argument("--visitors", type=int, metavar="N", help="draw so many visitors of different fates (default 12)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="same seed, same visitors (default 1)")
    command.add_argument("--live", action="store_true", help="on the wall clock, with a live view")
    command.add_argument("--blank-frames", action="store_true", help="cover the camera: nobody may be admitted")
    command.add_argument("--broker", metavar="URL", help="mqtt://host:port instead of a mosquitto of its own")
    command.add_argument("--config", type=Path, metavar="FILE", help="the gate's settings (default: all defaults)")
    command.add_argument(
        "--picture", type=Path, metavar="SVG", help="with --live: keep the fullest moment as a picture"
    )
    command.add_argument("--json", action="store_true", help="one object a visitor, then the summary, on stdout")
    command.set_defaults(run=_simulate)


def _add_scan(command: argparse.ArgumentParser) -> None:
    from gatefw.technician.inspect import add_scan_arguments, run_scan  # noqa: PLC0415 - help stays quick

    add_scan_arguments(command)
    command.set_defaults(run=run_scan)


def _add_verify(command: argparse.ArgumentParser) -> None:
    from gatefw.technician.inspect import add_verify_arguments, run_verify  # noqa: PLC0415 - help stays quick

    add_verify_arguments(command)
    command.set_defaults(run=run_verify)


def _add_config(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say everything that is wrong with a settings file")
    check.add_argument("file", type=Path, metavar="FILE", help="a gate.toml")
    check.set_defaults(run=_config_check)
    show = actions.add_parser("show", help="print the settings in force")
    show.add_argument("--config", type=Path, metavar="FILE", help="a gate.toml (without it: the defaults)")
    show.set_defaults(run=_config_show)


def _config_check(args: argparse.Namespace) -> int:
    from gatefw.technician.configure import run_check  # noqa: PLC0415 - help stays quick

    return run_check(args)


def _config_show(args: argparse.Namespace) -> int:
    from gatefw.technician.configure import run_show  # noqa: PLC0415 - help stays quick

    return run_show(args)


# ---------------------------------------------------------------- gatefw run


def run_gate(args: argparse.Namespace) -> int:
    """Run the gate on this Raspberry Pi until it is told to stop."""
    from gatefw import settings  # noqa: PLC0415 - help stays quick
    from gatefw.assembly import Gate  # noqa: PLC0415
    from gatefw.journal import journal  # noqa: PLC0415

    logging.getLogger().setLevel(logging.INFO)
    effective = settings.load(args.config)
    ground = pi_ground(effective)
    with journal(STDERR, LOG_LINE), Gate(effective, ground) as gate:
        _stop_on_signals(gate)
        gate.start_threads()
        gate.daemon.run()
        ground.watchdog.stopping()  # from here on no step feeds it any more
        return os.EX_TEMPFAIL if gate.card_is_back else os.EX_OK


def pi_ground(effective: "Settings") -> "Ground":
    """Make the ground of a real gate: the Pi's clocks, camera, I2C bus and pins."""
    from gatefw.assembly import Ground  # noqa: PLC0415 - help stays quick
    from gatefw.daemon import QueueInbox  # noqa: PLC0415
    from gatefw.drivers.barrier import make_pin_factory, start_timer  # noqa: PLC0415
    from gatefw.drivers.clock import SystemClock  # noqa: PLC0415
    from gatefw.drivers.reader.camera import open_picamera2  # noqa: PLC0415
    from gatefw.drivers.thermometer import Thermometer, open_bus  # noqa: PLC0415
    from gatefw.drivers.watchdog import Watchdog  # noqa: PLC0415

    reader, part = effective.reader, effective.thermometer
    return Ground(
        clock=SystemClock(),
        inbox=QueueInbox(),
        monotonic=time.monotonic,
        open_camera=partial(
            open_picamera2,
            camera=reader.camera,
            width_px=reader.width_px,
            height_px=reader.height_px,
            fps=float(reader.fps),
        ),
        open_thermometer=lambda: Thermometer(open_bus(part.bus), pause=time.sleep, address=part.address),
        pin_factory=make_pin_factory(effective.barrier.pin_factory),
        call_later=start_timer,
        watchdog=Watchdog.from_environment(),
    )


def _stop_on_signals(gate: "Gate") -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        gate.daemon.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _simulate(args: argparse.Namespace) -> int:
    from gatefw.simulation.command import run_simulate  # noqa: PLC0415 - help stays quick

    return run_simulate(args)


if __name__ == "__main__":
    sys.exit(main())
