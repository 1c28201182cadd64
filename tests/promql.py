"""Which series and labels a PromQL expression names, and which there are."""

import re
from collections.abc import Iterator, Set

from streams.reference_metrics import entries

KEYWORDS = {"and", "or", "unless", "offset", "bool", "by", "without", "on", "ignoring", "group_left", "group_right"}
TARGET_LABELS = {"job", "instance", "le"}
FOREIGN: dict[str, set[str]] = {  # of Prometheus itself, of prometheus_client, of ClickHouse
    "up": set(),
    "process_start_time_seconds": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "ClickHouseAsyncMetrics_MaxPartCountForPartition": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
}
_STRING = re.compile(r'"[^"]*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)?\{([^}]*)\}")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_:][\w:]*\b(?!\s*\()")


def known_series(records: set[str]) -> dict[str, set[str]]:
    """Every series that may be asked for, with its own labels."""
    ours = {series: set(metric.labels) for metric in entries() for series in metric.series}
    return ours | FOREIGN | {record: set() for record in records}


def names(expression: str) -> set[str]:
    """The series."""
    text = _STRING.sub('""', expression)
    text = _GROUPING.sub(" ", text)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\boffset\s+\w+", " ", text)
    return {word for word in _WORD.findall(text) if word not in KEYWORDS}


def labels(expression: str) -> set[str]:
    """The labels that it selects or groups by."""
    text = _STRING.sub('""', expression)
    selected = {word for _, inner in _SELECTOR.findall(text) for word in re.findall(r"(\w+)\s*(?:=|!)", inner)}
    grouped = {word.strip() for inner in _GROUPING.findall(text) for word in inner.split(",")}
    return selected | grouped - {""}


def faults(expression: str, records: Set[str] = frozenset()) -> Iterator[str]:
    """What is named and is not there."""
    known = known_series(set(records))
    found = names(expression)
    for name in sorted(found - set(known)):
        yield f"{name}: no such series"
    allowed = TARGET_LABELS.union(*(known.get(name, set()) for name in found))
    for label in sorted(labels(expression) - allowed):
        yield f"{label}: no such label of {', '.join(sorted(found))}"
