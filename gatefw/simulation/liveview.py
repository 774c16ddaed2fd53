"""The live view: a person watches the gate work, in a terminal.

What the camera sees, what was read, the temperature, lamps as in docs/signals.md, relay and turnstile, and the events
as they arrive at the broker. It looks only: the yard by its control channel, the gate by its completed steps, ops by
the subscriber.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gatefw.daemon import Turned
from gatefw.decision.state import GateState
from gatefw.drivers.indicator import SIGNS
from gatefw.model import AccessEvent, CodeScanned, Credential, Record, Report, Signal, TemperatureRead
from gatefw.simulation.report import Glance
from gatefw.simulation.subscriber import Heard, Subscriber
from gatefw.simulation.visitors import VisitorPlan
from gatefw.simulation.yardlink import YardProcess

PICTURES_HZ: Final = 10
WIDTH: Final = 110
QUIET_S: Final = 1.5
SHADES: Final = " ░▒▓█"
SHOWN_EVENTS: Final = 14
TOP_LINES: Final = 20
BORDER_LINES: Final = 2

RED: Final = (255, 50, 40)
AMBER: Final = (255, 176, 0)
GREEN: Final = (40, 220, 60)
AMBER_GLYPHS: Final = {"ring": "◯", "hand": "▣", "side": "◄"}

TEMPERATURES: Final = {
    None: "measuring",
    "normal": "not elevated",
    "high": "elevated",
    "low": "too cold to tell",
    "unstable": "not steady",
    "ambient_out_of_range": "air too cold or too warm",
    "fault": "sensor fault",
}
"""What a band is called for people: no diagnosis, and never a number that could be one."""


@dataclass(kw_only=True, slots=True)
class Seen:
    """The newest of what the gate's steps show. Written by the loop's thread, read by the view's."""

    state: GateState | None = None
    code: str = "–"
    object_c: float | None = None
    latency_ms: float | None = None
    verdict: Text = field(default_factory=lambda: Text("–"))


class LiveView:
    """Watches a live rehearsal: `watch` is called by the loop, `run` in a thread of its own."""

    def __init__(self, console: Console, *, plans: Sequence[VisitorPlan]) -> None:
        self._console = console
        self._visitors = len(plans)
        self._newest = 0
        self._seen = Seen()
        self._fullest: tuple[int, RenderableType] = (-1, Text(""))

    def watch(self, turned: Turned) -> None:
        """Keep what a completed step shows; must be quick, the loop waits for it."""
        seen = self._seen
        if seen.state is None or turned.state.visit != seen.state.visit:
            seen.verdict = Text("–")  # the one before is not this visitor's
        seen.state = turned.state
        for action in turned.actions:
            if isinstance(action, Record | Report):
                seen.verdict = told(action.event)
        given = turned.input
        if isinstance(given, TemperatureRead):
            seen.object_c = given.reading.object_c
        if isinstance(given, CodeScanned):
            seen.code = describe_code(given)
        if turned.latency_s is not None:
            seen.latency_ms = turned.latency_s * 1000

    def run(self, yard: YardProcess, subscriber: Subscriber) -> None:
        """Draw until all visitors have left."""
        left_s: float | None = None
        with Live(console=self._console, refresh_per_second=PICTURES_HZ, screen=False, transient=True) as live:
            while left_s is None or time.monotonic() < left_s + QUIET_S:
                glance = yard.glance()
                heard = subscriber.heard
                picture = self.picture(glance, heard)
                live.update(picture)
                if glance.coil and len(heard) > self._fullest[0]:
                    self._fullest = (len(heard), picture)
                time.sleep(1 / PICTURES_HZ)
                if yard.everyone_left and left_s is None:
                    left_s = time.monotonic()

    def save(self, path: Path) -> None:
        """Keep the moment with the most to see, the relay on, as an SVG picture."""
        canvas = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        canvas.print(self._fullest[1])
        canvas.save_svg(str(path), title="gatefw simulate --live")

    def picture(self, glance: Glance, heard: Sequence[Heard]) -> RenderableType:
        """Compose the view of one moment."""
        seen = self._seen
        signal = seen.state.signal if seen.state else Signal.STARTING
        self._newest = glance.visitor or self._newest  # between two visitors the lane is empty
        height = min(1 + TOP_LINES + BORDER_LINES + SHOWN_EVENTS, self._console.height)
        top_lines = TOP_LINES if height > 1 + TOP_LINES + BORDER_LINES + 1 else TOP_LINES - 1
        shown = max(1, height - 1 - top_lines - BORDER_LINES)
        top = Layout(name="top")
        top.split_row(
            Layout(Panel(thumbnail(glance), title="camera", box=box.ROUNDED), size=46),
            Layout(Group(self._visitor(glance), lamp_panel(glance, signal), self._lane(glance))),
        )
        whole = Layout()
        whole.split_column(
            Layout(title_bar(self._newest, self._visitors), size=1),
            Layout(top, size=top_lines),
            Layout(events_panel(heard, shown)),
        )
        return Group(Layouted(whole, height=height))

    def _visitor(self, glance: Glance) -> Panel:
        seen = self._seen
        state = seen.state
        rows = Table.grid(padding=(0, 1))
        rows.add_row(
            "who", f"visitor {glance.visitor}: {(glance.kind or '').replace('_', ' ')}" if glance.visitor else "nobody"
        )
        rows.add_row("code", seen.code if state and state.code else "–")
        band = state.measurement.band if state else None
        present = bool(state and state.presence.present)
        reading = f"{seen.object_c:.1f} °C" if seen.object_c is not None else "–"
        rows.add_row("sensor", f"{reading}  {TEMPERATURES.get(band, str(band)) if present else 'empty lane'}")
        rows.add_row("gate", str(state.phase).replace("_", " ") if state else "–")
        rows.add_row("verdict", self._seen.verdict)
        return Panel(rows, title="visitor", box=box.ROUNDED)

    def _lane(self, glance: Glance) -> Panel:
        relay = Text("● ON ", style="bold green") if glance.coil else Text("○ off", style="dim")
        stile = Text("free to turn", style="green") if glance.unlocked else Text("locked", style="red")
        body = Text("somebody inside", style="bold yellow") if glance.occupied else Text("empty", style="dim")
        line = Text.assemble("relay ", relay, "   turnstile ", stile, "   passage ", body)
        latency = self._seen.latency_ms
        took = f"last scan to relay: {latency:.1f} ms" if latency is not None else ""
        return Panel(Group(line, Text(took, style="dim")), title="lane", box=box.ROUNDED)


class Layouted:
    """A layout of a fixed height (rich gives a bare one the whole screen)."""

    def __init__(self, layout: Layout, *, height: int) -> None:
        self._layout = layout
        self._height = height

    def __rich_console__(self, console: Console, options):  # type: ignore[no-untyped-def]
        """Render within the height."""
        yield from console.render(self._layout, options.update(height=self._height))


def describe_code(given: CodeScanned) -> str:
    """Say what was read, without saying whose it is."""
    outcome = given.outcome
    if isinstance(outcome, Credential):
        return f"{outcome.format}: {outcome.colour}, signature verified ({given.decoder})"
    return f"{outcome.format}: {outcome.reason} ({given.decoder})"


def told(event: AccessEvent) -> Text:
    """Say an event as people read it in a list."""
    why = event.reason or event.fault
    return Text(f"{event.kind}: {why}" if why else str(event.kind), style=EVENT_STYLES.get(event.kind, ""))


def title_bar(number: int, visitors: int) -> Text:
    """Say where the rehearsal stands."""
    return Text(
        f" gatefw: simulated visitors at a real gate   {number}/{visitors}".ljust(200),
        style="bold reverse",
        no_wrap=True,
        overflow="crop",
    )


def thumbnail(glance: Glance, *, columns: int = 42, rows: int = 17) -> Text:
    """Draw what the camera sees, two pixels a character cell, in greys."""
    text = Text()
    width, height, luma = glance.width_px, glance.height_px, glance.thumbnail
    if not luma:
        return Text("no frame yet", style="dim")
    for row in range(rows):
        for column in range(columns):
            x = column * width // columns
            upper = luma[(2 * row) * height // (2 * rows) * width + x]
            lower = luma[(2 * row + 1) * height // (2 * rows) * width + x]
            text.append("▀", style=f"rgb({upper},{upper},{upper}) on rgb({lower},{lower},{lower})")
        text.append("\n")
    return text


def lamp_panel(glance: Glance, signal: Signal) -> Panel:
    """Draw the three windows as they are lit now, and the words of the row that is shown."""
    level = glance.lamps
    amber = [lamp(f"{glyph} {name}   ", level.get(name, 0.0), AMBER) for name, glyph in AMBER_GLYPHS.items()]
    windows = Group(
        lamp("  ▬▬▬▬▬▬▬▬▬  closed", level.get("red", 0.0), RED),
        Text.assemble("  ", *amber),
        lamp("  ▲▲▲  go", level.get("green", 0.0), GREEN),
    )
    sign = SIGNS[signal]
    words = Text(f"  {sign.english}   {sign.chinese}", style="bold")
    return Panel(Group(windows, Text(""), words), title="lamps", box=box.ROUNDED)


def lamp(glyph: str, level: float, colour: tuple[int, int, int]) -> Text:
    """Draw one lamp at its brightness; a dark one stays visible as an outline."""
    shine = 0.3 + 0.7 * level
    red, green, blue = (round(part * shine) for part in colour)
    return Text(glyph, style=f"{'bold ' if level > 0 else ''}rgb({red},{green},{blue})")


def events_panel(heard: Sequence[Heard], shown: int) -> Panel:
    """List the newest events, so many as are `shown`, as ops have them."""
    rows = Table.grid(padding=(0, 2))
    for each in list(heard)[-shown:]:
        data = each.event["data"]
        kind = each.event["type"].rsplit(".", 1)[1]
        why = data.get("reason") or data.get("fault") or ""
        grant = f"grant {data['grant']}" if "grant" in data else ""
        rows.add_row(
            Text(each.event["time"][11:23], style="dim"), Text(kind, style=EVENT_STYLES.get(kind, "")), why, grant
        )
    return Panel(rows, title=f"events at the broker ({len(heard)})", box=box.ROUNDED)


EVENT_STYLES: Final = {
    "granted": "green",
    "passed": "bold green",
    "refused": "yellow",
    "assist": "yellow",
    "forced_open": "bold red",
    "tailgating": "bold red",
    "fault": "red",
}
