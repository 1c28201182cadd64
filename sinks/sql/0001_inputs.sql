-- What customers did, what they said, and what became of actions: one row a message of the input topics.
--
-- A message may be inserted more than once; its position ends the sorting key, so FINAL and merges keep it once.
-- The partition follows from the Kafka timestamp alone: a repeated message always lands beside its first copy.
-- The key begins with the subject: all that is known of one customer lies together.
-- A text that was not given is empty; a number or an instant that was not given is NULL.

CREATE TABLE IF NOT EXISTS touchpoints (
    event_id String COMMENT 'Unique across all sources and topics (a UUID, or the source\'s own id with the source before it); a second event with the same id is a duplicate and changes nothing.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id, unique across kinds of subject, at most 256 characters.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When it happened (event time), UTC.',
    source LowCardinality(String) COMMENT 'System that recorded it.',
    brand LowCardinality(String) COMMENT 'Brand, as packs and units name it.',
    channel LowCardinality(String) COMMENT 'web, app, phone, store, chat, mail, …: as the pack names it.',
    journey LowCardinality(String) COMMENT 'Journey, as the pack names it; null: the pack\'s journey of the touchpoint.',
    touchpoint LowCardinality(String) COMMENT 'Place of contact in the journey (checkout, delivery, hotline). One that the pack does not know is kept as it is and joined as `other`.',
    place LowCardinality(String) COMMENT 'Where: page, counter, station, city.',
    action LowCardinality(String) COMMENT 'What the customer or the system did (pay, search, call, deliver, return).',
    outcome LowCardinality(String) COMMENT 'How it ended for the customer; what is not known is `unknown`.',
    duration_seconds Nullable(Float64) COMMENT 'How long it took, waiting included; seconds, not negative.',
    waiting_seconds Nullable(Float64) COMMENT 'How long the customer waited; seconds, not negative.',
    promised_at Nullable(DateTime64(6, 'UTC')) COMMENT 'The time that was promised to the customer for this matter (delivery slot, appointment, scheduled arrival).',
    amount Nullable(Decimal(18, 4)) COMMENT 'Amount of money in units of `currency`; negative: paid back.',
    currency LowCardinality(String) COMMENT 'ISO 4217 code.',
    matter String COMMENT 'The order, case or contract that it is about.',
    product String COMMENT 'SKU, model, or the piece itself (VIN, serial number).',
    unit LowCardinality(String) COMMENT 'Shop, dealer, branch or team where it happened.',
    staff String COMMENT 'Member of staff who was involved.',
    device String COMMENT 'Device or terminal that was used, as an opaque id.',
    invitation_id String COMMENT 'Invitation (to an answer, an offer) that this answers.',
    action_id String COMMENT 'Touchstone\'s action that this answers.',
    attributes Map(String, String) COMMENT 'Anything else, as text; at most 64 entries and 16,384 bytes of UTF-8, names and values together. Packs may read them.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.',
    INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, occurred_at, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'Something that a customer did or that happened to a customer (O data). Topic cx-touchpoints.';

CREATE TABLE IF NOT EXISTS feedback (
    event_id String COMMENT 'Unique across all sources and topics (a UUID, or the source\'s own id with the source before it); a second event with the same id is a duplicate and changes nothing.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id, unique across kinds of subject, at most 256 characters.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When it was said (event time), UTC.',
    source LowCardinality(String) COMMENT 'System that recorded it.',
    brand LowCardinality(String) COMMENT 'Brand, as packs and units name it.',
    channel LowCardinality(String) COMMENT 'web, app, phone, store, chat, mail, …: as the pack names it.',
    journey LowCardinality(String) COMMENT 'Journey, as the pack names it; null: the pack\'s journey of the touchpoint.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint that it is about; null: taken from `about_event_id`, `matter` or `about_at`.',
    place LowCardinality(String) COMMENT 'Where it was said.',
    about_at Nullable(DateTime64(6, 'UTC')) COMMENT 'The moment that it is about; null: `about_event_id`, else the latest contact about `matter`, else `occurred_at`.',
    about_event_id String COMMENT 'The touchpoint event that it is about.',
    kind LowCardinality(String) COMMENT 'What sort of utterance it is.',
    score Nullable(Float64) COMMENT 'Score on its own scale.',
    scale_min Nullable(Float64) COMMENT 'Lowest score of the scale. Required with a score, but for nps (0).',
    scale_max Nullable(Float64) COMMENT 'Highest score of the scale. Required with a score, but for nps (10).',
    scale_direction LowCardinality(String) COMMENT 'Which end of the scale is good; on some phone menus 1 is best.',
    dimension LowCardinality(String) COMMENT 'Dimension that is judged (brand, relationship, service, product, convenience, price, or the pack\'s own).',
    reason LowCardinality(String) COMMENT 'Reason below the dimension (convenience: variety, place, time, means).',
    expectation Nullable(Float64) COMMENT 'Level that was expected, 0–10, as stated with this answer.',
    importance Nullable(Float64) COMMENT 'Importance of the dimension, 0–10, as stated with this answer.',
    ideal Nullable(Float64) COMMENT 'Level that would be ideal, 0–10, as stated with this answer.',
    respondent LowCardinality(String) COMMENT 'Who judges: the customer, staff or management.',
    text String COMMENT 'What was said, in its own words; at most 65,536 bytes of UTF-8.',
    language LowCardinality(String) COMMENT 'BCP 47 tag of the text; null: found from the text.',
    matter String COMMENT 'The order, case or contract that it is about.',
    product String COMMENT 'SKU, model, or the piece itself (VIN, serial number).',
    unit LowCardinality(String) COMMENT 'Shop, dealer, branch or team where it happened.',
    staff String COMMENT 'Member of staff who was involved.',
    device String COMMENT 'Device or terminal that was used, as an opaque id.',
    invitation_id String COMMENT 'Invitation (to an answer, an offer) that this answers.',
    action_id String COMMENT 'Touchstone\'s action that this answers.',
    attributes Map(String, String) COMMENT 'Anything else, as text; at most 64 entries and 16,384 bytes of UTF-8, names and values together. Packs may read them.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.',
    INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, occurred_at, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'Something that somebody said (X data): a score, a complaint, praise, a comment. Topic cx-feedback.';

CREATE TABLE IF NOT EXISTS action_updates (
    event_id String COMMENT 'Unique across all sources and topics (a UUID, or the source\'s own id with the source before it); a second event with the same id is a duplicate and changes nothing.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id, unique across kinds of subject, at most 256 characters.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When it was done (event time), UTC.',
    source LowCardinality(String) COMMENT 'System that recorded it.',
    action_id String COMMENT 'The action that it is about.',
    status LowCardinality(String) COMMENT 'What was done.',
    by String COMMENT 'Who did it (staff id or system).',
    unit LowCardinality(String) COMMENT 'Unit that did it.',
    cost Nullable(Decimal(18, 4)) COMMENT 'What it cost, in units of `currency`.',
    currency LowCardinality(String) COMMENT 'ISO 4217 code.',
    note String COMMENT 'Words for the next colleague; at most 65,536 bytes of UTF-8.',
    attributes Map(String, String) COMMENT 'Anything else, as text; at most 64 entries and 16,384 bytes of UTF-8, names and values together.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.',
    INDEX by_action action_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, action_id, occurred_at, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'A receipt: what became of an action, told by whoever carried it out. Topic cx-action-updates.';
