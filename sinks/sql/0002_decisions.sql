-- What Touchstone decided: experiences, actions and episodes, every revision of each.
-- The views of 0004 show the revision in force.

CREATE TABLE IF NOT EXISTS experiences (
    event_id String COMMENT 'The feedback\'s event id.',
    revision Int32 COMMENT '1, 2, …: the highest is in force.',
    retracted Bool COMMENT 'True: it is not derived any more; ignore or call back what was done.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id.',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When it was said.',
    about_at DateTime64(6, 'UTC') COMMENT 'The moment that it is about.',
    brand LowCardinality(String) COMMENT 'Brand, as packs and units name it.',
    channel LowCardinality(String) COMMENT 'web, app, phone, store, chat, mail, …: as the pack names it.',
    journey LowCardinality(String) COMMENT 'Journey, as the pack names it; null: the pack\'s journey of the touchpoint.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint that it is about; `other`: unknown to the pack.',
    matter String COMMENT 'The order, case or contract that it is about.',
    unit LowCardinality(String) COMMENT 'Unit concerned.',
    kind LowCardinality(String) COMMENT 'What sort of utterance it is.',
    respondent LowCardinality(String) COMMENT 'Who judges.',
    dimension LowCardinality(String) COMMENT 'Dimension that is judged.',
    reason LowCardinality(String) COMMENT 'Reason below the dimension.',
    experience Nullable(Float64) COMMENT 'Level experienced, 0–10, from the score on its scale.',
    expectation Nullable(Float64) COMMENT 'Level expected, 0–10.',
    expectation_source LowCardinality(String) COMMENT 'Where the expectation comes from; `unknown` leaves satisfaction empty.',
    importance Nullable(Float64) COMMENT 'Importance, 0–10.',
    ideal Nullable(Float64) COMMENT 'Ideal level, 0–10.',
    satisfaction Nullable(Float64) COMMENT 'experience − expectation.',
    weighted Nullable(Float64) COMMENT 'importance × satisfaction.',
    gap Nullable(Float64) COMMENT 'experience − ideal.',
    sentiment Nullable(Float64) COMMENT 'Tone of the text, −1 to 1; null: no text or not sure.',
    text_start Nullable(Int32) COMMENT 'Where the decisive words begin; Unicode code points from 0.',
    text_end Nullable(Int32) COMMENT 'Where they end (exclusive).',
    context_event_id String COMMENT 'Latest touchpoint event about the same matter or touchpoint.',
    context_touchpoint LowCardinality(String) COMMENT 'Its touchpoint.',
    context_outcome LowCardinality(String) COMMENT 'Its outcome; unknown also without such an event.',
    context_waiting_seconds Nullable(Float64) COMMENT 'Longest waiting in the recent contacts; seconds.',
    context_contacts Int32 COMMENT 'Recent contacts.',
    context_failures Int32 COMMENT 'Recent failures.',
    context_channels Int32 COMMENT 'Different channels in the recent contacts.',
    context_score Float64 COMMENT 'Dissatisfaction inferred by then, 0–1.',
    score Float64 COMMENT 'Dissatisfaction with this feedback included, 0–1.',
    pack LowCardinality(String) COMMENT 'Pack that decided.',
    pack_version LowCardinality(String) COMMENT 'Hash of that pack.',
    evidence Nested (
        event_id String,
        topic LowCardinality(String),
        partition Int32,
        offset Int64,
        occurred_at DateTime64(6, 'UTC'),
        signal LowCardinality(String),
        origin LowCardinality(String),
        weight Float64,
        text_start Nullable(Int32),
        text_end Nullable(Int32),
        detail String
    ) COMMENT 'What speaks for the score.',
    losers Nested (
        rule LowCardinality(String),
        kind LowCardinality(String),
        reason LowCardinality(String),
        detail String
    ) COMMENT 'What this feedback brought up and was not done.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.',
    INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, event_id, revision, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'A feedback joined with what had happened at the moment that it is about. Topic cx-experiences.';

CREATE TABLE IF NOT EXISTS actions (
    action_id String COMMENT 'Derived from rule, subject, occasion and step: the same decision has the same id, always.',
    revision Int32 COMMENT '1, 2, …: the highest is in force.',
    retracted Bool COMMENT 'True: it is not derived any more; ignore or call back what was done.',
    supersedes String COMMENT 'Id of the action whose place this one takes: its occasion was found to be another.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id.',
    decided_at DateTime64(6, 'UTC') COMMENT 'Event time of what caused it.',
    kind LowCardinality(String) COMMENT 'What is to be done (call_back, apology, voucher, sales_follow_up, escalation), as the pack names it.',
    audience LowCardinality(String) COMMENT 'Who is to act; its topic is cx-notify-<audience>.',
    brand LowCardinality(String) COMMENT 'Brand.',
    unit LowCardinality(String) COMMENT 'Unit that is to act.',
    assignee String COMMENT 'Member of staff who is to act.',
    channel LowCardinality(String) COMMENT 'Channel in which to act.',
    template LowCardinality(String) COMMENT 'Key of the text, as the pack names it.',
    parameters Map(String, String) COMMENT 'Values for the text.',
    locale LowCardinality(String) COMMENT 'BCP 47 tag of the text.',
    text String COMMENT 'The text, filled in.',
    solution String COMMENT 'Suggested solution, in the pack\'s own words: nothing of the customer\'s is filled in.',
    amount Nullable(Decimal(18, 4)) COMMENT 'Suggested compensation in units of `currency`.',
    cost Nullable(Decimal(18, 4)) COMMENT 'Expected cost in units of `currency`.',
    currency LowCardinality(String) COMMENT 'ISO 4217 code.',
    journey LowCardinality(String) COMMENT 'Journey concerned.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint concerned.',
    matter String COMMENT 'The order, case or contract concerned.',
    cause LowCardinality(String) COMMENT 'What caused it, as the pack names it.',
    episode_id String COMMENT 'Episode that it belongs to.',
    step LowCardinality(String) COMMENT 'Step of the treatment (listen, respond, compensate, improve, escalate, recognise).',
    due_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When it is to be done.',
    deliver_not_before_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Not earlier than this (quiet hours, opening hours).',
    expires_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Pointless after this.',
    origin LowCardinality(String) COMMENT 'Said, inferred, or both.',
    score Float64 COMMENT 'Dissatisfaction when it was decided, 0–1.',
    emit LowCardinality(String) COMMENT 'How it was emitted.',
    occasion String COMMENT 'Event that the id is derived from: the episode\'s opening event, else the causing event.',
    rule LowCardinality(String) COMMENT 'Rule that decided.',
    rule_version LowCardinality(String) COMMENT 'Hash of the rule.',
    pack LowCardinality(String) COMMENT 'Pack that decided.',
    pack_version LowCardinality(String) COMMENT 'Hash of that pack.',
    evidence Nested (
        event_id String,
        topic LowCardinality(String),
        partition Int32,
        offset Int64,
        occurred_at DateTime64(6, 'UTC'),
        signal LowCardinality(String),
        origin LowCardinality(String),
        weight Float64,
        text_start Nullable(Int32),
        text_end Nullable(Int32),
        detail String
    ) COMMENT 'What speaks for it.',
    losers Nested (
        rule LowCardinality(String),
        kind LowCardinality(String),
        reason LowCardinality(String),
        detail String
    ) COMMENT 'What competed and lost.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.',
    INDEX by_action action_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_episode episode_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, action_id, revision, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'A follow-up action, with what led to it. A higher revision replaces a lower one; a retraction calls it back. Topic cx-actions.';

CREATE TABLE IF NOT EXISTS episodes (
    episode_id String COMMENT 'Derived from subject, journey and the opening event.',
    revision Int32 COMMENT '1, 2, …: the highest is in force.',
    retracted Bool COMMENT 'True: it is not derived any more; ignore or call back what was done.',
    subject_type LowCardinality(String) COMMENT 'Kind of subject.',
    subject_id String COMMENT 'The subject\'s id.',
    brand LowCardinality(String) COMMENT 'Brand.',
    journey LowCardinality(String) COMMENT 'Journey.',
    touchpoint LowCardinality(String) COMMENT 'Touchpoint where it opened.',
    unit LowCardinality(String) COMMENT 'Unit concerned.',
    owner String COMMENT 'Member of staff who looks after it.',
    tier LowCardinality(String) COMMENT 'The customer\'s tier when it opened.',
    state LowCardinality(String) COMMENT 'Where it stands.',
    stage LowCardinality(String) COMMENT 'Stage of the treatment.',
    opened_at DateTime64(6, 'UTC') COMMENT 'Event time of the opening event.',
    changed_at DateTime64(6, 'UTC') COMMENT 'Event time of the last change.',
    closed_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Event time of the closing.',
    closed_by String COMMENT 'What verified it: event id, or `quiet` when it faded.',
    cause LowCardinality(String) COMMENT 'Signal that opened it.',
    origin LowCardinality(String) COMMENT 'Said, inferred, or both.',
    score Float64 COMMENT 'Dissatisfaction now, 0–1.',
    peak_score Float64 COMMENT 'Highest dissatisfaction, 0–1.',
    reopened Int32 COMMENT 'How often it re-opened.',
    due_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the next step is due.',
    missed Int32 COMMENT 'How many due times were missed.',
    actions Array(String) COMMENT 'Actions that belong to it.',
    pack LowCardinality(String) COMMENT 'Pack that decided.',
    pack_version LowCardinality(String) COMMENT 'Hash of that pack.',
    evidence Nested (
        event_id String,
        topic LowCardinality(String),
        partition Int32,
        offset Int64,
        occurred_at DateTime64(6, 'UTC'),
        signal LowCardinality(String),
        origin LowCardinality(String),
        weight Float64,
        text_start Nullable(Int32),
        text_end Nullable(Int32),
        detail String
    ) COMMENT 'What speaks for it.',
    losers Nested (
        rule LowCardinality(String),
        kind LowCardinality(String),
        reason LowCardinality(String),
        detail String
    ) COMMENT 'What lost in the latest decision about it in which something lost.',
    _topic LowCardinality(String) COMMENT 'Kafka topic, as the cluster names it.',
    _partition UInt32 COMMENT 'Kafka partition.',
    _offset UInt64 COMMENT 'Kafka offset.',
    _timestamp DateTime64(3, 'UTC') COMMENT 'Arrival in Kafka (LogAppendTime).',
    _inserted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When this row was written here.',
    INDEX by_episode episode_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_timestamp)
ORDER BY (subject_id, episode_id, revision, _topic, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 0, ttl_only_drop_parts = 1
COMMENT 'A stretch of dissatisfaction of one subject in one journey, as it stands now. Topic cx-episodes.';
