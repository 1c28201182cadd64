"""Charts as SVG: bars, a line, the curve of a customer's level. Attributes only, no styles: the content policy allows no inline ones."""

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup, escape

from sinks.console.spans import SPANS

ORIGINS: Final = ("said", "both", "inferred")
STEPS: Final = (0, 1, 2, 4, 7, 12)  # signals in a span from which a cell gets its shade


def shade(count: int) -> int:
    """0 to 5: how dark a cell of the heat map is."""
    return max(number for number, least in enumerate(STEPS) if count >= least)


def bars(row: dict[str, Any], highest: float, title: str) -> Markup:
    """Stacked bars over time: said below, inferred above. `row` has a list for each origin."""
    width, height = 6, 36
    parts = []
    for number in range(SPANS):
        base = float(height)
        for origin in ORIGINS:
            tall = row[origin][number] / highest * (height - 2) if highest else 0.0
            if tall:
                base -= tall
                parts.append(_rect(number * width + 1, base, width - 2, tall, f"fill-{origin}"))
    return _svg(SPANS * width, height, "bars", title, "".join(parts))


def trend(values: Sequence[float | None], title: str) -> Markup:
    """A line of shares, 0 to 1 at least 0.2 high; gaps where nothing was measured."""
    return _svg(100, 24, "trend", title, _line(values, max([0.2, *(value for value in values if value is not None)])))


def waiting(values: Sequence[float | None], promise: float | None, title: str) -> Markup:
    """A line of waiting times, and a dashed one for what was promised."""
    highest = max([1.0, promise or 0.0, *(value for value in values if value is not None)])
    limit = (
        f'<line class="promise" x1="0" x2="100" y1="{_y(promise, highest):.1f}" y2="{_y(promise, highest):.1f}"/>'
        if promise
        else ""
    )
    return _svg(100, 24, "trend waits", title, limit + _line(values, highest))


def _y(value: float, highest: float) -> float:
    return 22 - value / highest * 20


def _line(values: Sequence[float | None], highest: float) -> str:
    width = 100.0
    pieces: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            pieces.append([])
            continue
        x, y = number / max(1, len(values) - 1) * width, _y(value, highest)
        pieces[-1].append(f"{x:.1f},{y:.1f}")
    lines = "".join(f'<polyline points="{" ".join(piece)}"/>' for piece in pieces if len(piece) > 1)
    dots = "".join(_dot(piece[0]) for piece in pieces if len(piece) == 1)
    return lines + dots


def throughput(points: Sequence[tuple[Any, int]], minutes: Sequence[Any], title: str) -> Markup:
    """Messages a minute as bars over the given minutes."""
    counts = dict(points)
    highest = max(counts.values(), default=0) or 1
    parts = [
        _rect(number * 4, 24 - counts[minute] / highest * 22, 3, counts[minute] / highest * 22, "fill-plain")
        for number, minute in enumerate(minutes)
        if minute in counts
    ]
    return _svg(len(minutes) * 4, 24, "trend", title, "".join(parts))


def curve(points: Sequence[dict[str, Any]], title: str) -> Markup:
    """The level (0 to 1) after each change as steps; numbered dots, so that the list below says what moved it."""
    width, height, left, top = 600.0, 150.0, 26.0, 8.0
    first, last = points[0]["at"].timestamp(), points[-1]["at"].timestamp()
    length = max(1.0, last - first)

    def place(point: dict[str, Any]) -> tuple[float, float]:
        x = left + (point["at"].timestamp() - first) / length * (width - left - 12)
        return x, top + (1 - point["level"]) * (height - 2 * top)

    grid = "".join(
        f'<line class="grid" x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="scale" x="{left - 4}" y="{y + 3:.1f}" text-anchor="end">{level:g}</text>'
        for level in (0, 0.5, 1)
        for y in (top + (1 - level) * (height - 2 * top),)
    )
    path, before = "", None
    for x, y in map(place, (point for point in points if point["what"] != "said")):
        path += f"M{x:.1f} {y:.1f}" if before is None else f"H{x:.1f}V{y:.1f}"
        before = y
    dots = "".join(
        f'<circle class="dot {escape(point["what"])}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(point["label"])}</title></circle>'
        for point in points
        if point["label"]
        for x, y in (place(point),)
    )
    return _svg(width, height, "curve", title, f'{grid}<path class="level" d="{path}"/>{dots}')


def _svg(width: float, height: float, kind: str, title: str, inside: str) -> Markup:
    label = escape(title)
    stretched = "" if kind == "curve" else ' preserveAspectRatio="none"'
    return Markup(  # noqa: S704 - numbers and class names of this module, and an escaped title
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}"{stretched} role="img" aria-label="{label}">{inside}</svg>'
    )


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _dot(point: str) -> str:
    x, y = point.split(",")
    return f'<circle cx="{x}" cy="{y}" r="1.5"/>'
