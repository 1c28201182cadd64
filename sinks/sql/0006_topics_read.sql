-- Which topics the rows come from. A topic that is deleted and made anew has another id and begins again at offset 0, where
-- there are rows already: the sink stops then, until somebody says what is to become of the old rows.

CREATE TABLE IF NOT EXISTS topics_read (
    topic String COMMENT 'Topic, as the cluster names it.',
    topic_id String COMMENT 'Its id on the cluster.',
    accepted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'Since when it is read. The latest id of a topic is in force.'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id)
COMMENT 'Topics that the sink has read, with the id that Kafka gave them.';
