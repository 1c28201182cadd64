-- What was refused: one row a message of cx-dead-letters, with its original bytes.
--
-- The same message can be refused more than once (by the worker as too late, by this sink as not storable, or again
-- after a crash): dead_letters_current in 0004 shows one row for each message and reason.

CREATE TABLE IF NOT EXISTS dead_letters (
    source_topic LowCardinality(String) COMMENT 'Topic in which the refused message stands, as the cluster names it; where that is not told, the dead letter\'s own place.',
    source_partition UInt32 COMMENT 'Its partition.',
    source_offset UInt64 COMMENT 'Its offset.',
    arrived_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the refused message arrived in Kafka.',
    reason LowCardinality(String) COMMENT 'Why, from the closed list of reasons.',
    detail String COMMENT 'Why, in words; field names and figures, no payload.',
    refused_by LowCardinality(String) COMMENT 'Who refused it: a job of the worker, or a sink.',
    key String COMMENT 'Original key, as bytes.',
    value String COMMENT 'Original value, as bytes; hex(value) shows them.',
    headers Map(String, String) COMMENT 'All headers of the dead letter.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime): when it was refused.',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (source_topic, source_partition, source_offset, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'Messages that were refused, with their bytes and the reason. Topic cx-dead-letters.';
