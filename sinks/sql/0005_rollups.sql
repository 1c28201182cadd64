-- Roll-ups for dashboards, right under repetition.
--
-- A cell of a *_rollup table holds the set of offsets that were counted, as a bitmap for each Kafka partition. Inserting
-- a message again adds an offset that is there already. The views count the sets. Minutes are minutes of arrival.

CREATE TABLE IF NOT EXISTS touchpoints_rollup (
    minute DateTime('UTC') COMMENT 'Minute of arrival in Kafka.',
    brand LowCardinality(String) COMMENT 'Brand.',
    channel LowCardinality(String) COMMENT 'Channel.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint.',
    outcome LowCardinality(String) COMMENT 'Outcome.',
    _topic LowCardinality(String) COMMENT 'Kafka topic.',
    _partition UInt32 COMMENT 'Kafka partition.',
    offsets AggregateFunction(groupBitmap, UInt64) COMMENT 'Offsets of the messages.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, brand, channel, touchpoint, outcome, _topic, _partition)
COMMENT 'Touchpoint events a minute.';

CREATE MATERIALIZED VIEW IF NOT EXISTS touchpoints_rollup_feed TO touchpoints_rollup AS
SELECT
    toStartOfMinute(toDateTime(_timestamp, 'UTC')) AS minute,
    brand, channel, touchpoint, outcome, _topic, _partition,
    groupBitmapState(_offset) AS offsets
FROM touchpoints
GROUP BY minute, brand, channel, touchpoint, outcome, _topic, _partition;

CREATE OR REPLACE VIEW touchpoints_by_minute AS
SELECT minute, brand, channel, touchpoint, outcome, sum(messages) AS events
FROM (
    SELECT minute, brand, channel, touchpoint, outcome, groupBitmapMerge(offsets) AS messages
    FROM touchpoints_rollup
    GROUP BY minute, brand, channel, touchpoint, outcome, _topic, _partition
)
GROUP BY minute, brand, channel, touchpoint, outcome;

CREATE TABLE IF NOT EXISTS actions_rollup (
    minute DateTime('UTC') COMMENT 'Minute of arrival in Kafka.',
    brand LowCardinality(String) COMMENT 'Brand.',
    audience LowCardinality(String) COMMENT 'Who is to act.',
    kind LowCardinality(String) COMMENT 'What is to be done.',
    origin LowCardinality(String) COMMENT 'Said, inferred, or both.',
    change LowCardinality(String) COMMENT 'new, revised or retracted.',
    _topic LowCardinality(String) COMMENT 'Kafka topic.',
    _partition UInt32 COMMENT 'Kafka partition.',
    offsets AggregateFunction(groupBitmap, UInt64) COMMENT 'Offsets of the messages.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, brand, audience, kind, origin, change, _topic, _partition)
COMMENT 'Actions a minute, as they went out.';

CREATE MATERIALIZED VIEW IF NOT EXISTS actions_rollup_feed TO actions_rollup AS
SELECT
    toStartOfMinute(toDateTime(_timestamp, 'UTC')) AS minute,
    brand, audience, kind, origin,
    multiIf(retracted, 'retracted', revision > 1, 'revised', 'new') AS change,
    _topic, _partition,
    groupBitmapState(_offset) AS offsets
FROM actions
GROUP BY minute, brand, audience, kind, origin, change, _topic, _partition;

CREATE OR REPLACE VIEW actions_by_minute AS
SELECT
    minute, brand, audience, kind, origin,
    sumIf(messages, change = 'new') AS new,
    sumIf(messages, change = 'revised') AS revised,
    sumIf(messages, change = 'retracted') AS retracted
FROM (
    SELECT minute, brand, audience, kind, origin, change, groupBitmapMerge(offsets) AS messages
    FROM actions_rollup
    GROUP BY minute, brand, audience, kind, origin, change, _topic, _partition
)
GROUP BY minute, brand, audience, kind, origin;

-- Counted by the position of the refused message: a letter that a crash sent twice counts once.
CREATE TABLE IF NOT EXISTS dead_letters_rollup (
    minute DateTime('UTC') COMMENT 'Minute in which the refused message had arrived; of its refusal where that is not told.',
    reason LowCardinality(String) COMMENT 'Why it was refused.',
    refused_by LowCardinality(String) COMMENT 'Who refused it.',
    source_topic LowCardinality(String) COMMENT 'Topic in which it stands.',
    source_partition UInt32 COMMENT 'Its partition.',
    offsets AggregateFunction(groupBitmap, UInt64) COMMENT 'Offsets of the refused messages.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, reason, refused_by, source_topic, source_partition)
COMMENT 'Refused messages a minute.';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_rollup_feed TO dead_letters_rollup AS
SELECT
    toStartOfMinute(toDateTime(ifNull(arrived_at, _timestamp), 'UTC')) AS minute,
    reason, refused_by, source_topic, source_partition,
    groupBitmapState(source_offset) AS offsets
FROM dead_letters
GROUP BY minute, reason, refused_by, source_topic, source_partition;

CREATE OR REPLACE VIEW dead_letters_by_minute AS
SELECT minute, reason, refused_by, source_topic, sum(messages) AS messages
FROM (
    SELECT minute, reason, refused_by, source_topic, groupBitmapMerge(offsets) AS messages
    FROM dead_letters_rollup
    GROUP BY minute, reason, refused_by, source_topic, source_partition
)
GROUP BY minute, reason, refused_by, source_topic;

-- What can be revised is not rolled up but computed from what holds now.

CREATE OR REPLACE VIEW actions_in_force_by_minute AS
SELECT
    toStartOfMinute(decided_at) AS minute, brand, audience, kind, origin,
    count() AS actions,
    avg(score) AS score_average
FROM actions_current
GROUP BY minute, brand, audience, kind, origin;

CREATE OR REPLACE VIEW dissatisfaction_by_minute AS
SELECT
    toStartOfMinute(about_at) AS minute, brand, journey, touchpoint,
    count() AS answers,
    countIf(satisfaction < 0) AS below_expectation,
    avg(satisfaction) AS satisfaction_average,
    avg(experience) AS experience_average,
    avg(score) AS score_average,
    uniqExact(subject_id) AS subjects
FROM experiences_current
GROUP BY minute, brand, journey, touchpoint;

CREATE OR REPLACE VIEW episodes_by_minute AS
SELECT
    toStartOfMinute(opened_at) AS minute, brand, journey, touchpoint, cause, origin,
    count() AS opened,
    countIf(state = 'closed') AS closed_by_now,
    sum(missed) AS missed,
    avg(peak_score) AS peak_score_average
FROM episodes_current
GROUP BY minute, brand, journey, touchpoint, cause, origin;

-- How long an action took: from event time to its arrival in Kafka, and from there until it could be queried here.
-- A row that was inserted again counts with its last insertion.
CREATE OR REPLACE VIEW latency_by_minute AS
SELECT
    toStartOfMinute(toDateTime(_timestamp, 'UTC')) AS minute, audience,
    count() AS actions,
    quantilesExact(0.5, 0.9, 0.99)(dateDiff('millisecond', decided_at, _timestamp) / 1000) AS event_to_action_seconds,
    quantilesExact(0.5, 0.9, 0.99)(dateDiff('millisecond', _timestamp, _inserted_at) / 1000) AS action_to_visible_seconds
FROM actions FINAL
GROUP BY minute, audience;
