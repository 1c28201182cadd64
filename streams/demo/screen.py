"""What a person sees during the demo: on the left what customers live through, on the right who is told, below it the figures."""

import io
import re
from collections import Counter
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from schemas.decisions import Action
from schemas.json_form import instant_text
from streams.demo.watch import Happened, Told, Watch
from streams.terminal import out

_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # rich names fonts on the net; the picture needs none
MOODS = {"bad": "red", "said": "yellow", "good": "green", "plain": ""}
AUDIENCES = {"care": "cyan", "managers": "magenta", "customers": "green", "sales": "blue", "product": "yellow"}


def clock(at: int) -> str:
    """HH:MM:SS of an instant (µs)."""
    return instant_text(at)[11:19]


def view(watch: Watch, unhappy: int, console: Console, page: str = "") -> RenderableType:
    """The whole screen. `page`: where the console is."""
    height = max(16, console.size.height - 1)
    lines = height - 12
    layout = Layout()
    layout.split_column(
        Layout(_title(watch, unhappy), size=1), Layout(name="middle"), Layout(_figures(watch, page), size=9)
    )
    layout["middle"].split_row(
        Layout(Panel(_happened(list(watch.happened), lines), title="what customers live through"), ratio=2),
        Layout(Panel(_told(list(watch.told), lines), title="who is told, while it happens"), ratio=3),
    )
    return layout


def _title(watch: Watch, unhappy: int) -> Text:
    at = clock(watch.newest_at) if watch.newest_at else "--:--:--"
    text = Text()
    text.append(f" {at} ", style="bold reverse")
    text.append(f"  {sum(watch.inputs.values())} events · ", style="")
    text.append(f"{unhappy} unhappy (simulated)", style="red")
    text.append(f" · {len(watch.open_episodes)} open episodes (found)", style="bold")
    return text


def _happened(lines: list[Happened], count: int) -> Group:
    rows = []
    for one in lines[-count:]:
        text = Text(f"{clock(one.at)} ", style="dim", no_wrap=True, overflow="ellipsis")
        text.append(f"{one.name} ", style="bold")
        text.append(one.what, style=MOODS[one.mood])
        rows.append(text)
    return Group(*rows)


def _told(lines: list[Told], count: int) -> Group:
    return Group(*(told_line(one) for one in lines[-count:]))


def told_line(one: Told) -> Text:
    """An action in a line."""
    action = one.action
    text = Text(f"{clock(action.decided_at)} ", style="dim", no_wrap=True, overflow="ellipsis")
    text.append(f"{action.audience:<10}", style=AUDIENCES.get(action.audience, ""))
    text.append(f"{action.origin:<9}", style="dim")
    text.append(action.text or action.kind)
    return text


def _figures(watch: Watch, page: str) -> Panel:
    table = Table.grid(expand=True, padding=(0, 2))
    table.add_column(ratio=3)
    table.add_column(ratio=2)
    table.add_row(_by_audience(list(watch.actions.values())), _health(watch, page))
    return Panel(table, title="actions in force")


def _by_audience(actions: list[Action]) -> Table:
    table = Table("for", "said", "inferred", "both", "actions", box=None, pad_edge=False)
    counts = Counter((action.audience, action.origin) for action in actions)
    for audience in sorted({action.audience for action in actions}):
        said, inferred, both = (counts[audience, origin] for origin in ("said", "inferred", "both"))
        kinds = Counter(action.kind for action in actions if action.audience == audience)
        named = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(3))
        table.add_row(Text(audience, style=AUDIENCES.get(audience, "")), str(said), str(inferred), str(both), named)
    return table


def _health(watch: Watch, page: str) -> Group:
    latency = watch.to_action()
    rows = [
        f"event → action   p50 {at(latency, 0.5)}  p99 {at(latency, 0.99)}",
        f"retracted {watch.retracted} (something came late)",
        f"refused {sum(watch.refused.values())} "
        + ", ".join(f"{name} {n}" for name, n in watch.refused.most_common(3)),
        *([f"console {page}"] if page else []),
        "Ctrl-C ends it",
    ]
    return Group(*(Text(row, style="dim") for row in rows))


def at(values: list[float], share: float) -> str:
    """A quantile of sorted seconds, as text."""
    if not values:
        return "–"
    value = values[min(len(values) - 1, int(share * len(values)))]
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


class Shown:
    """Shows how things stand, and remembers it for a picture."""

    _last: tuple[Watch, int] | None = None
    page = ""  # where the console is

    def show(self, watch: Watch, unhappy: int) -> None:
        """Once in a while. `unhappy`: customers who really are, now."""
        self._last = watch, unhappy
        self.draw(watch, unhappy)

    def draw(self, watch: Watch, unhappy: int) -> None:
        """As this kind of screen does."""
        raise AssertionError(f"{type(self).__name__} cannot draw")

    def save(self, path: Path) -> None:
        """What was shown last, as SVG."""
        if self._last is not None:
            console = Console(record=True, width=150, height=40, file=io.StringIO(), force_terminal=True)
            console.print(view(*self._last, console), height=40)
            svg = console.export_svg(title="touchstone demo")
            path.write_text(_FONTS.sub("", svg), encoding="utf-8")


class Full(Shown):
    """The whole terminal, drawn anew."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def draw(self, watch: Watch, unhappy: int) -> None:
        """On the alternate screen."""
        self._live.update(view(watch, unhappy, out(), self.page), refresh=True)


class Lines(Shown):
    """A line for each action, for logs."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def draw(self, watch: Watch, unhappy: int) -> None:
        """What is new."""
        for one in list(watch.told):
            if one.action.action_id not in self._told:
                self._told.add(one.action.action_id)
                out().print(told_line(one))
