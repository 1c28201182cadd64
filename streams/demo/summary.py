"""The demo's last words: events in, actions out by audience, how soon, and whether topics and tables agree."""

from collections import Counter

from rich.table import Table

from streams.demo.run import Summary
from streams.demo.screen import at
from streams.settings import Settings
from streams.terminal import out


def tell(summary: Summary, settings: Settings, *, stay: bool) -> None:
    """Prints the summary."""
    watch, say = summary.watch, out().print
    table = Table("", "", box=None, show_header=False, pad_edge=False)
    inputs = ", ".join(f"{topic.removeprefix('cx-')} {count}" for topic, count in sorted(watch.inputs.items()))
    table.add_row("events in", f"{sum(watch.inputs.values())} ({inputs})")
    refused = ", ".join(f"{reason} {count}" for reason, count in watch.refused.most_common()) or "none"
    table.add_row("refused", f"{sum(watch.refused.values())} ({refused}): kept in cx-dead-letters with their bytes")
    for audience, words in _by_audience(summary).items():
        table.add_row(f"for {audience}", words)
    table.add_row("retracted", f"{watch.retracted} (something came late and changed the picture)")
    actions = watch.to_action()
    table.add_row(
        "event → action",
        f"p50 {at(actions, 0.5)}, p99 {at(actions, 0.99)} ({len(actions)} actions that an event caused at once)",
    )
    table.add_row("event → visible", f"p50 {at(summary.visible, 0.5)}, p99 {at(summary.visible, 0.99)} in ClickHouse")
    if summary.reconciled is not None:
        messages = sum(one.counts.messages for one in summary.reconciled.topics)
        verdict = "agree" if summary.reconciled.agree else "DIFFER: `touchstone reconcile` names the ids"
        table.add_row("reconciliation", f"{messages} messages: topics and ClickHouse {verdict}")
    table.add_row("duration", f"{summary.wall_seconds:.0f} s")
    say()
    say(table)
    say(f"who was really unhappy, when and why: {summary.truth}", markup=False)
    say(look_again(settings, stay=stay), markup=False)


def look_again(settings: Settings, *, stay: bool) -> str:
    """How to see it once more. `stay`: everything keeps running, so a second `up` would be refused."""
    tail = "touchstone tail cx-actions --from beginning"
    if stay:
        return f"everything keeps running until Ctrl-C; meanwhile in another terminal: {tail}"
    return f"look again: TOUCHSTONE_LOCAL_DIR={settings.local_dir} touchstone up, then {tail}"


def _by_audience(summary: Summary) -> dict[str, str]:
    """Audience → what it was told, in figures."""
    actions = list(summary.watch.actions.values())
    told = {}
    for audience, count in sorted(Counter(action.audience for action in actions).items()):
        mine = [action for action in actions if action.audience == audience]
        origins = Counter(action.origin for action in mine)
        kinds = ", ".join(f"{kind} {n}" for kind, n in Counter(action.kind for action in mine).most_common())
        said = ", ".join(f"{origin} {n}" for origin, n in origins.most_common())
        told[audience] = f"{count} ({kinds}; {said})"
    return told
