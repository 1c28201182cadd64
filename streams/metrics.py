"""Every metric, once: name, unit, labels, meaning. Labels have closed sets; never a customer id.

Names are `touchstone_<part>_<thing>_<unit>`; counters end in `_total`; seconds and bytes are the base units.
docs/metrics.md is made from this list (`make docs`).
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30, 60, 300)

# Objectives: 1 s to the action, 2.5 s to visible; fine around them, and as far as sources deliver late.
EVENT_SECONDS = (0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 10, 30, 60, 300, 900, 3600)

LABELS = {
    "topic": "a topic of schemas/topics.yaml, without prefix",
    "partition": "a number, below the topics' partition count",
    "part": "of the worker's two jobs: subjects, incidents (not `job`, which is Prometheus' own)",
    "reason": "of dead letters: docs/bad-input.md; of losers: a reason of the arbiter; of what insights leave out: too_late, too_many",
    "table": "a table of docs/clickhouse.md",
    "pack": "a pack of this installation",
    "rule": "a rule of that pack",
    "version": "a version of that pack",
    "brand": "a brand that a pack was activated for; empty: every brand without a pack of its own",
    "group": "worker, sink: consumer groups as the console sees them",
    "source": "of what the console shows: clickhouse, topics (followed), kafka (how far others are behind)",
    "status": "of a receipt: accepted, contacted, resolved, declined; other: what is no receipt",
    "outcome": "of a receipt: sent, refused, forbidden, unavailable; of a sign-in: given, refused",
}

process_ready = Gauge("touchstone_process_ready", "1: does all its work (/readyz)")
process_stalled = Gauge("touchstone_process_stalled", "1: commits stall although there is work (/livez)")

inputs_total = Counter("touchstone_worker_inputs_total", "Messages taken in", ["topic"])
outputs_total = Counter("touchstone_worker_outputs_total", "Messages sent in committed transactions", ["topic"])
dead_letters_total = Counter("touchstone_worker_dead_letters_total", "Messages refused", ["topic", "reason"])
commits_total = Counter("touchstone_worker_commits_total", "Committed transactions", ["part"])
commit_seconds = Histogram(
    "touchstone_worker_commit_seconds", "Length of a transaction's commit", ["part"], buckets=LATENCY_SECONDS
)
batch_events = Histogram(
    "touchstone_worker_batch_events", "Inputs in one transaction", ["part"], buckets=(1, 10, 100, 1000, 10_000, 100_000)
)
holds_total = Counter(
    "touchstone_worker_holds_total", "Times a task was held because something was unavailable", ["part"]
)
restarts_total = Counter(
    "touchstone_worker_restarts_total", "Times the worker left the group and went on from the committed state"
)
rebalances_total = Counter("touchstone_worker_rebalances_total", "Times the worker's partitions were given out anew")
restore_seconds = Histogram(
    "touchstone_worker_restore_seconds", "Time to restore a task's state", ["part"], buckets=LATENCY_SECONDS
)
state_bytes = Gauge("touchstone_worker_state_bytes", "State held", ["part", "partition"])
state_subjects = Gauge("touchstone_worker_state_subjects", "Subjects held", ["part", "partition"])
stream_time_seconds = Gauge("touchstone_worker_stream_time_seconds", "Stream time, Unix seconds", ["part", "partition"])
stream_delay_seconds = Gauge(
    "touchstone_worker_stream_delay_seconds",
    "Wall clock less stream time: how long ago, by event time, a timer would fire now",
    ["part", "partition"],
)
watermark_delay_seconds = Gauge(
    "touchstone_worker_watermark_delay_seconds",
    "Wall clock less the watermark (stream time less TOUCHSTONE_CORE_LATENESS_SECONDS): what happened before is final",
    ["part", "partition"],
)
timers = Gauge("touchstone_worker_timers", "Subjects that wait for an instant", ["part", "partition"])
timers_fired_total = Counter("touchstone_worker_timers_fired_total", "Instants that subjects waited for", ["part"])
lag_messages = Gauge("touchstone_worker_lag_messages", "Messages not yet taken in", ["topic", "partition"])
lag_seconds = Gauge(
    "touchstone_worker_lag_seconds",
    "Time since the arrival of the oldest message that was read and is not decided; 0: none waits",
    ["topic", "partition"],
)
breaker_open = Gauge("touchstone_worker_breaker_open", "1: stopped because too much was invalid")
action_seconds = Histogram(
    "touchstone_worker_action_seconds",
    "Arrival of a message to the commit of what followed from it",
    buckets=LATENCY_SECONDS,
)
event_to_action_seconds = Histogram(
    "touchstone_worker_event_to_action_seconds",
    "Event time of what caused an action to the commit of its first revision; actions that wait on purpose are left out",
    buckets=EVENT_SECONDS,
)

sink_rows_total = Counter("touchstone_sink_rows_total", "Rows inserted", ["table"])
sink_flush_seconds = Histogram(
    "touchstone_sink_flush_seconds", "Length of an INSERT", ["table"], buckets=LATENCY_SECONDS
)
sink_retries_total = Counter("touchstone_sink_retries_total", "INSERTs repeated", ["table"])
sink_visible_seconds = Histogram(
    "touchstone_sink_visible_seconds", "Arrival in Kafka to visible in ClickHouse", buckets=LATENCY_SECONDS
)
sink_event_to_visible_seconds = Histogram(
    "touchstone_sink_event_to_visible_seconds",
    "Event time to visible in ClickHouse: inputs from when they happened, actions, experiences and episodes from their cause",
    ["table"],
    buckets=EVENT_SECONDS,
)
sink_available = Gauge("touchstone_sink_available", "1: the database answers")
sink_dead_letters_total = Counter(
    "touchstone_sink_dead_letters_total", "Messages that the sink refused", ["table", "reason"]
)
sink_invalid_total = Counter(
    "touchstone_sink_invalid_total", "Inputs left out because the worker dead-letters them", ["table", "reason"]
)
sink_commits_total = Counter("touchstone_sink_commits_total", "Flushes whose offsets were committed")
sink_buffered_rows = Gauge("touchstone_sink_buffered_rows", "Rows read and not yet committed")
sink_lag_seconds = Gauge(
    "touchstone_sink_lag_seconds",
    "Time since the arrival of the oldest message that was read and is not stored; 0: none",
)
sink_lag_messages = Gauge("touchstone_sink_lag_messages", "Messages not yet read", ["topic", "partition"])

duplicates_total = Counter("touchstone_core_duplicates_total", "Inputs whose event id was known already")
too_late_total = Counter(
    "touchstone_core_too_late_total", "Inputs that came too late for their subject's window: dead-lettered, not judged"
)
refolds_total = Counter("touchstone_core_refolds_total", "Windows folded anew because something came late")
condition_errors_total = Counter(
    "touchstone_core_condition_errors_total",
    "Conditions and values of a pack that could not be evaluated: the rule did not fire",
    ["pack", "rule"],
)
pack_from_seconds = Gauge(
    "touchstone_core_pack_from_seconds",
    "Event time, Unix seconds, from which a pack is in force; 0: from the beginning",
    ["pack", "version", "brand"],
)
insights_left_out_total = Counter(
    "touchstone_core_insights_left_out_total",
    "Causes and contacts that insights do not count: too late for their window, or of too many units, staff and touchpoints",
    ["reason"],
)
losers_total = Counter("touchstone_core_losers_total", "Actions that wanted to happen and lost", ["reason"])

console_pages = Gauge("touchstone_console_pages", "Open pages")
console_questions = Gauge("touchstone_console_questions", "Different questions that the open pages ask")
console_queries_total = Counter("touchstone_console_queries_total", "Queries to ClickHouse")
console_round_seconds = Histogram(
    "touchstone_console_round_seconds", "Length of a round: every question once", buckets=LATENCY_SECONDS
)
console_panels_total = Counter("touchstone_console_panels_total", "Panels made, each for all who watch the same")
console_age_seconds = Gauge(
    "touchstone_console_age_seconds", "Time since what the pages show was last read; 0: nobody watches", ["source"]
)
console_group_members = Gauge("touchstone_console_group_members", "Members of a consumer group", ["group"])
console_group_lag_messages = Gauge(
    "touchstone_console_group_lag_messages",
    "Messages that a group has not committed, whoever runs or does not",
    ["group"],
)
console_group_lag_seconds = Gauge(
    "touchstone_console_group_lag_seconds", "Time since the arrival of the oldest of them; 0: none", ["group"]
)
console_available = Gauge("touchstone_console_available", "1: it answers", ["source"])
console_receipts_total = Counter(
    "touchstone_console_receipts_total", "Receipts that somebody asked for on a page", ["status", "outcome"]
)
console_sign_ins_total = Counter("touchstone_console_sign_ins_total", "Tokens that were tried", ["outcome"])
