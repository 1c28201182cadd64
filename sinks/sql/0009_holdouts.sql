-- What held-out customers would have got: with `actions`, the two arms of each comparison (docs/uplift.md).

CREATE TABLE IF NOT EXISTS holdouts (
    action_id String COMMENT 'Id that the action would have had.',
    revision Int32 COMMENT '1, 2, …: the highest is in force.',
    retracted Bool COMMENT 'True: it is not derived any more; ignore it.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id.',
    decided_at DateTime64(6, 'UTC') COMMENT 'Event time of what would have caused it.',
    experiment LowCardinality(String) COMMENT 'What was drawn for: the rule, its experiment, or `*` for all rules of the pack.',
    share Float64 COMMENT 'Share of customers that the draw holds out, 0–1.',
    salt LowCardinality(String) COMMENT 'Salt of the draw, as the pack has it.',
    kind LowCardinality(String) COMMENT 'What would have been done, as the pack names it.',
    audience LowCardinality(String) COMMENT 'Who would have acted.',
    brand LowCardinality(String) COMMENT 'Brand.',
    unit LowCardinality(String) COMMENT 'Unit that would have acted.',
    channel LowCardinality(String) COMMENT 'Channel in which to act.',
    amount Nullable(Decimal(18, 4)) COMMENT 'Suggested compensation in units of `currency`.',
    currency LowCardinality(String) COMMENT 'ISO 4217 code.',
    journey LowCardinality(String) COMMENT 'Journey concerned.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint concerned.',
    matter String COMMENT 'The order, case or contract concerned.',
    cause LowCardinality(String) COMMENT 'What caused it, as the pack names it.',
    episode_id String COMMENT 'Episode that it belongs to.',
    step LowCardinality(String) COMMENT 'Step of the treatment (listen, respond, compensate, improve, escalate, recognise).',
    origin LowCardinality(String) COMMENT 'Said, inferred, or both.',
    score Float64 COMMENT 'Dissatisfaction when it was decided, 0–1.',
    emit LowCardinality(String) COMMENT 'How it was emitted.',
    occasion String COMMENT 'Event that the id is derived from: the episode\'s opening event, else the causing event.',
    rule LowCardinality(String) COMMENT 'Rule that decided.',
    rule_version LowCardinality(String) COMMENT 'Hash of the rule.',
    pack LowCardinality(String) COMMENT 'Pack that decided.',
    pack_version LowCardinality(String) COMMENT 'Hash of that pack.',
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
COMMENT 'An action that a held-out customer would have got at this instant, and did not. Topic cx-holdouts.';

CREATE OR REPLACE VIEW holdouts_final AS SELECT * FROM holdouts FINAL;

CREATE OR REPLACE VIEW holdouts_current AS
SELECT * FROM (
    SELECT * FROM holdouts FINAL
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted;
