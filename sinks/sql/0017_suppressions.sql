-- What customers would have got and did not, where neither an episode nor an answer tells it; and all losers in one place.

CREATE TABLE IF NOT EXISTS suppressions (
    action_id String COMMENT 'Id that the action would have had.',
    revision Int32 COMMENT '1, 2, …: the highest is in force.',
    retracted Bool COMMENT 'True: it is not derived any more; ignore it.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id.',
    decided_at DateTime64(6, 'UTC') COMMENT 'Event time of what would have caused it.',
    kind LowCardinality(String) COMMENT 'What would have been done, as the pack names it.',
    audience LowCardinality(String) COMMENT 'Who would have acted.',
    brand LowCardinality(String) COMMENT 'Brand.',
    unit LowCardinality(String) COMMENT 'Unit that would have acted.',
    journey LowCardinality(String) COMMENT 'Journey concerned.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint concerned.',
    matter String COMMENT 'The order, case or contract concerned.',
    cause LowCardinality(String) COMMENT 'What caused it, as the pack names it.',
    step LowCardinality(String) COMMENT 'Step of the treatment (listen, respond, compensate, improve, escalate, recognise).',
    occasion String COMMENT 'Event that brought it up.',
    rule LowCardinality(String) COMMENT 'Rule that decided.',
    rule_version LowCardinality(String) COMMENT 'Hash of the rule.',
    pack LowCardinality(String) COMMENT 'Pack that decided.',
    pack_version LowCardinality(String) COMMENT 'Hash of that pack.',
    reason LowCardinality(String) COMMENT 'What was against it.',
    detail String COMMENT 'The same in figures, with what would have won.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, action_id, revision, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'An action that a customer would have got at this instant, and did not: why. Topic cx-suppressions.';

CREATE OR REPLACE VIEW suppressions_final AS SELECT * FROM suppressions FINAL;

CREATE OR REPLACE VIEW suppressions_current AS
SELECT * FROM (
    SELECT * FROM suppressions FINAL
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted;

-- Each customer who was not contacted has a reason. `about`: where it was told, and of which id; one loser can stand in several actions. An episode repeats what lost until
-- something new is decided: its first time counts.
CREATE OR REPLACE VIEW lost_actions AS
SELECT subject_id, decided_at AS at, rule, kind, reason, detail, 'suppression' AS about, action_id AS id FROM suppressions_current
UNION ALL
SELECT subject_id, decided_at AS at, loser.1 AS rule, loser.2 AS kind, loser.3 AS reason, loser.4 AS detail, 'action' AS about, action_id AS id
FROM actions_current
ARRAY JOIN arrayZip(losers.rule, losers.kind, losers.reason, losers.detail) AS loser
UNION ALL
SELECT subject_id, occurred_at AS at, loser.1 AS rule, loser.2 AS kind, loser.3 AS reason, loser.4 AS detail, 'feedback' AS about, event_id AS id
FROM experiences_current
ARRAY JOIN arrayZip(losers.rule, losers.kind, losers.reason, losers.detail) AS loser
UNION ALL
SELECT subject_id, min(changed_at) AS at, loser.1 AS rule, loser.2 AS kind, loser.3 AS reason, loser.4 AS detail, 'episode' AS about, episode_id AS id
FROM episodes_final
ARRAY JOIN arrayZip(losers.rule, losers.kind, losers.reason, losers.detail) AS loser
WHERE NOT retracted
GROUP BY subject_id, episode_id, loser;
