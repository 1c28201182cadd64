-- What an answer weighs where many full marks came at once. The views were made with the columns of their day, so they are made anew.

ALTER TABLE experiences
    ADD COLUMN IF NOT EXISTS trust Float64 DEFAULT 1 COMMENT 'What the answer weighs, 0–1: less than 1 where it looks coached or given in bulk.' AFTER analyser,
    ADD COLUMN IF NOT EXISTS doubt Nullable(String) COMMENT 'Why it weighs less: the group of answers in which there were too many full marks at once (bulk_answers/device/NAME, …/unit/NAME, …/touchpoint).' AFTER trust;

CREATE OR REPLACE VIEW experiences_final AS SELECT * FROM experiences FINAL;

CREATE OR REPLACE VIEW experiences_current AS
SELECT * FROM (
    SELECT * FROM experiences FINAL
    ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
)
WHERE NOT retracted;
