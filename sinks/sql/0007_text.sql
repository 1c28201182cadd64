-- What the text of a feedback says by aspect, and who read it. The views were made with the columns of their day, so they are made anew.

ALTER TABLE experiences
    ADD COLUMN IF NOT EXISTS text_unsure Bool COMMENT 'The text may be meant the other way round (sarcasm): `sentiment` is null.' AFTER `losers.detail`,
    ADD COLUMN IF NOT EXISTS `text_aspects.aspect` Array(LowCardinality(String)) COMMENT 'What the text says by aspect.' AFTER text_unsure,
    ADD COLUMN IF NOT EXISTS `text_aspects.tone` Array(Float64) COMMENT 'What the text says by aspect.' AFTER `text_aspects.aspect`,
    ADD COLUMN IF NOT EXISTS `text_aspects.text_start` Array(Int32) COMMENT 'What the text says by aspect.' AFTER `text_aspects.tone`,
    ADD COLUMN IF NOT EXISTS `text_aspects.text_end` Array(Int32) COMMENT 'What the text says by aspect.' AFTER `text_aspects.text_start`,
    ADD COLUMN IF NOT EXISTS analyser LowCardinality(String) COMMENT 'Analyser of the text with its version; null: no text.' AFTER `text_aspects.text_end`;

CREATE OR REPLACE VIEW experiences_final AS SELECT * FROM experiences FINAL;

CREATE OR REPLACE VIEW experiences_current AS
SELECT * FROM (
    SELECT * FROM experiences FINAL
    ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
)
WHERE NOT retracted;
