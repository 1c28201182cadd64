-- What makes segments of customers, from when: the tier, and the attributes that TOUCHSTONE_SINK_SEGMENTS names. Nothing else of a person.

CREATE TABLE IF NOT EXISTS customers (
    event_id String COMMENT 'Unique across all sources and topics (a UUID, or the source\'s own id with the source before it); a second event with the same id is a duplicate and changes nothing.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id, unique across kinds of subject, at most 256 characters.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'From when it holds (event time), UTC.',
    segments Map(String, String) COMMENT 'What this update told: `tier`, and attributes by name; empty text: none any more. What it did not tell is not here and goes on.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, occurred_at, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'What has become known of a customer\'s segments. Topic cx-customers.';

CREATE OR REPLACE VIEW customers_final AS SELECT * FROM customers FINAL;

CREATE OR REPLACE VIEW customers_current AS
SELECT * FROM customers FINAL
ORDER BY subject_id, event_id, _topic, _partition, _offset
LIMIT 1 BY subject_id, event_id;

-- One row each time that a customer comes into another segment of a kind (`name`: tier, or an attribute): for ASOF JOIN by
-- `subject_id` and `since_at`. An empty value: in none any more.
CREATE OR REPLACE VIEW segments_by_customer AS
SELECT subject_id, name, since_at, value
FROM (
    SELECT subject_id, event_id, occurred_at AS since_at, name, value
    FROM customers_current
    ARRAY JOIN mapKeys(segments) AS name, mapValues(segments) AS value
)
ORDER BY subject_id, name, since_at, event_id DESC
LIMIT 1 BY subject_id, name, since_at;
