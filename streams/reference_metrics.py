"""docs/metrics.md: every metric of streams/metrics.py, and the alerts that are made of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from prometheus_client import Counter, Gauge, Histogram

from streams import metrics

ALERTS: Final = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"
_PARTS: Final = {
    "process": ("Every process", "Worker, sink and console."),
    "worker": ("Worker", "The engine: messages, transactions, state, time."),
    "core": ("The core", "What is decided, in the worker."),
    "sink": ("Sink", "From Kafka into ClickHouse."),
    "console": ("Console", "What the pages read, and what is done on them."),
}
_UNITS: Final = ("seconds", "bytes", "messages", "rows", "events", "subjects")

_HEAD = """# Metrics and alerts

Written by `make docs` from `streams/metrics.py` and `deploy/prometheus/alerts.yml`.

`TOUCHSTONE_METRICS_PORT` serves them at `/metrics`, with `prometheus_client`'s own of the process (`process_…`, `python_…`). Instants and lengths are seconds, sizes bytes.
Each process exports the whole list: what it does not do stays 0, so ask by `job` where 0 means something (`touchstone_sink_available{job="sink"}`). Counters end in `_total`; a histogram `x` gives `x_bucket`, `x_sum` and `x_count`. No label holds a customer. What describes a state (lag, stream time, subjects) is measured when it is asked for, so it goes on growing while a worker stands still.
"""

_ALERTS_HEAD = """## Alerts

`deploy/prometheus/alerts.yml`, tested by `deploy/prometheus/alerts_test.yml`. *page*: somebody has to act now. *ticket*: today.

| alert | severity | says | runbook |
|---|---|---|---|"""


class Metric(NamedTuple):
    """An entry of streams/metrics.py as it is scraped."""

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """Names under which its samples are stored."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def entries() -> Iterator[Metric]:
    """All of them, in the order of the file."""
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            described = next(iter(metric.describe()))
            name = described.name + ("_total" if described.type == "counter" else "")
            words = described.name.split("_")
            unit = words[-1] if words[-1] in _UNITS else ""
            yield Metric(name, described.type, unit, tuple(metric._labelnames), described.documentation)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for part, (title, what) in _PARTS.items():
        rows = [_row(one) for one in entries() if one.name.startswith(f"touchstone_{part}_")]
        head = "| name | kind | unit | labels | meaning |\n|---|---|---|---|---|"
        parts.append("\n".join([f"## {title}", "", what, "", head, *rows, ""]))
    labels = [f"| `{label}` | {meaning} |" for label, meaning in metrics.LABELS.items()]
    parts.append("\n".join(["## Labels", "", "| label | values |", "|---|---|", *labels, ""]))
    parts.append("\n".join([_ALERTS_HEAD, *_alerts(), ""]))
    return "\n".join(parts)


def _row(one: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in one.labels)
    return f"| `{one.name}` | {one.kind} | {one.unit} | {labels} | {one.meaning} |"


def _alerts() -> Iterator[str]:
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                name, notes = rule["alert"], rule["annotations"]
                page_name = Path(notes["runbook"]).name
                yield f"| `{name}` | {rule['labels']['severity']} | {notes['summary']} | [{page_name}](runbooks/{page_name}) |"
