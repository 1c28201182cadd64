"""Panels → HTML, each once for everybody who watches the same: same question, language and role.

Everything from outside is escaped; the pages hold no inline scripts or styles.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from sinks.console import charts
from sinks.console.backlog import Backlog
from sinks.console.clock import Clock
from sinks.console.keys import Keys
from sinks.console.panels import PAGES, Seen, context
from sinks.console.reader import Answer, Question, Reader
from sinks.console.scope import Scope
from sinks.console.topics import Topics
from sinks.console.words import Speech, Titles
from streams import metrics

STALE_ROUNDS: Final = 4.0  # what has not been renewed for so many of its rounds is stale
KEPT_MAX: Final = 2_000  # panels
TOKENS_MAX: Final = 200_000
_FOLDER: Final = Path(__file__).parent
_FORMS: Final = {"hm": "%H:%M", "hms": "%H:%M:%S", "full": "%m-%d %H:%M"}


class View(NamedTuple):
    """What somebody watches; equal views share what is rendered."""

    page: str
    question: Question
    language: str
    operator: bool
    changes: tuple[tuple[str, float], ...] = ()  # what if, on the page Gap: costs no question

    @property
    def scope(self) -> Scope:
        """Hers, which is that of the question."""
        return self.question.scope


class Rendered(NamedTuple):
    """A panel as it stands now. `frame`: the same as an event of the stream."""

    id: str
    source: str
    html: str
    loading: bool
    digest: bytes
    frame: bytes


class Renderer:
    """Belongs to the event loop's thread."""

    def __init__(
        self, reader: Reader, topics: Topics, backlog: Backlog, clock: Clock, keys: Keys, titles: Titles
    ) -> None:
        self._reader, self._topics, self._backlog, self._clock = reader, topics, backlog, clock
        self._keys, self._titles = keys, titles
        self._tokens: OrderedDict[str, str] = OrderedDict()
        self._kept: OrderedDict[tuple[View, str], tuple[object, Rendered]] = OrderedDict()
        self._speech: dict[str, Speech] = {}
        self.rendered = 0  # how often a panel was made
        self._jinja = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=select_autoescape(default=True),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters |= {
            "us": _us,
            "iso": _iso,
            "utc": _utc,
            "token": self.token,
            "dimension": lambda name, t: t.known("dimension", name),
            "shade": charts.shade,
            "bars": _bars,
            "trend": charts.trend,
            "waiting": charts.waiting,
            "throughput": charts.throughput,
            "curve": charts.curve,
        }

    def speech(self, language: str) -> Speech:
        """Made once a language."""
        if language not in self._speech:
            self._speech[language] = Speech(language, self._titles)
        return self._speech[language]

    def token(self, subject_id: str) -> str:
        """What stands for a subject in addresses; remembered, so that the way back is short."""
        token = self._keys.customer(subject_id)
        self._tokens[token] = subject_id
        self._tokens.move_to_end(token)
        if len(self._tokens) > TOKENS_MAX:
            self._tokens.popitem(last=False)
        return token

    def subject(self, token: str) -> str | None:
        """Whom a token stands for, if it was given out by this process."""
        return self._tokens.get(token)

    def search(self, token: str, subjects: Iterable[str]) -> str | None:
        """Whom a token stands for, among these."""
        return next((one for one in subjects if self._keys.customer(one) == token), None)

    def panels(self, view: View) -> list[Rendered]:
        """All panels of a page as they stand now; what has not changed is not made again."""
        answer = self._reader.want(view.question)
        self._titles.in_force = tuple({one.pack.name: None for one in self._topics.packs.values()})
        found = []
        for panel in PAGES[view.page]:
            version = self._version(panel.source, answer)
            known = self._kept.get((view, panel.id))
            if known is None or known[0] != version:
                known = (version, self._make(view, panel.id, panel.source, answer))
                self._kept[view, panel.id] = known
            self._kept.move_to_end((view, panel.id))
            found.append(known[1])
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    def state(self, view: View) -> bytes:
        """How old everything is and what is wrong, as an event of the stream."""
        answer = self._reader.want(view.question)
        ages = {
            "clickhouse": answer.read_at if answer is not None else 0.0,
            "topics": self._backlog.read_at if self._backlog.trouble else self._topics.read_at,
            "kafka": self._backlog.read_at,
        }
        trouble = {"clickhouse": self._reader.trouble, "topics": self._topics.trouble or self._backlog.trouble}
        wrong = [name for name, why in trouble.items() if why is not None and why != "starting"]
        stale = {
            "clickhouse": STALE_ROUNDS
            * max(self._reader.pace_seconds, answer.rest_seconds if answer is not None else 0.0),
            "topics": STALE_ROUNDS * self._backlog.pace_seconds,
            "kafka": STALE_ROUNDS * self._backlog.pace_seconds,
        }
        return _frame("state", {"now": time.time(), "read": ages, "trouble": wrong, "stale": stale})

    def page(self, template: str, view: View | None, language: str, **values: Any) -> str:
        """A whole page."""
        panels = self.panels(view) if view is not None else []
        columns = {panel.id: panel.column for panel in PAGES[view.page]} if view is not None else {}
        shown = [_Safe.of(panel, columns[panel.id]) for panel in panels]
        t = self.speech(language)
        return self._jinja.get_template(f"{template}.html").render(t=t, panels=shown, wall_now=time.time(), **values)

    def _version(self, source: str, answer: Answer | None) -> object:
        mine = answer.version if answer is not None else None
        if answer is None and source == "clickhouse":
            return self._reader.trouble is not None
        if source == "kafka":
            return self._backlog.version
        if source == "topics":
            return mine, self._topics.version
        return mine, self._topics.receipts_version

    def _make(self, view: View, panel: str, source: str, answer: Answer | None) -> Rendered:
        t = self.speech(view.language)
        loading = answer is None if source == "clickhouse" else self._silent(source)
        html = self._loading(source, t) if loading else self._panel(view, panel, answer, t)
        self.rendered += 1
        metrics.console_panels_total.inc()
        digest = blake2b(html.encode(), digest_size=8).digest()
        return Rendered(panel, source, html, loading, digest, _frame("panel", {"id": panel, "html": html}))

    def _loading(self, source: str, t: Speech) -> str:
        if source == "clickhouse" and self._reader.trouble is not None:
            return f'<p class="empty">{t("loading.away")}</p>'
        return f'<p class="empty loading">{t("loading")}</p>'

    def _silent(self, source: str) -> bool:
        return (self._backlog.read_at if source == "kafka" else self._topics.read_at) == 0.0

    def _panel(self, view: View, panel: str, answer: Answer | None, t: Speech) -> str:
        data = answer.data if answer is not None else None
        now_us = self._clock.now_us()
        seen = Seen(data, self._topics, self._backlog, view.scope, now_us, t, self.token, view.changes)
        options = dict(view.question.options)
        return self._jinja.get_template(f"{panel}.html").render(
            {"data": data, "t": t, "now_us": now_us, "operator": view.operator, "filters": options, "promised": self._titles.promised}
            | context(panel, seen)
        )  # fmt: skip


class _Safe(NamedTuple):
    """A rendered panel for the page's template."""

    id: str
    source: str
    html: Any
    loading: bool
    column: str

    @classmethod
    def of(cls, panel: Rendered, column: str) -> "_Safe":
        return cls(panel.id, panel.source, Markup(panel.html), panel.loading, column)  # noqa: S704 - made by a template


def _frame(event: str, data: Mapping[str, object]) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _us(at: Any) -> int:
    """An instant as µs, whatever gave it: the driver's datetime, or a record's integer."""
    return at if isinstance(at, int) else round(at.timestamp() * 1_000_000)


def _iso(at: Any) -> str:
    return datetime.fromtimestamp(_us(at) / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(at: Any, form: str) -> str:
    return datetime.fromtimestamp(_us(at) / 1e6, UTC).strftime(_FORMS[form])


def _bars(row: dict[str, Any], rows: list[dict[str, Any]], title: str) -> Any:
    """Bars on a scale that all rows share."""
    highest = max(
        (
            sum(values)
            for one in rows
            for values in zip(one["said"], one["inferred"], one["both"], strict=True)
        ),
        default=0,
    )  # fmt: skip
    return charts.bars(row, highest, title)
