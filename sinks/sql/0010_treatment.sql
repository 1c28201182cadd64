-- Who looks after an episode from now on, whether the customer has the next word, and what came back after it was put right.
-- The views were made with the columns of their day, so they are made anew.

ALTER TABLE action_updates
    ADD COLUMN IF NOT EXISTS `to` Nullable(String) COMMENT 'With handed_over: staff id of who looks after it from now on.' AFTER attributes;

ALTER TABLE episodes
    ADD COLUMN IF NOT EXISTS resumes_at Nullable(DateTime64(6, 'UTC')) COMMENT 'The customer has the next word: the clock stands still, at most until then; null: it runs.' AFTER `losers.detail`,
    ADD COLUMN IF NOT EXISTS recurrences Int32 COMMENT 'How often its cause came back to its touchpoint after somebody had said that it was put right.' AFTER resumes_at;

CREATE OR REPLACE VIEW action_updates_final AS SELECT * FROM action_updates FINAL;
CREATE OR REPLACE VIEW episodes_final AS SELECT * FROM episodes FINAL;

CREATE OR REPLACE VIEW action_updates_current AS
SELECT * FROM action_updates FINAL
ORDER BY subject_id, event_id, _topic, _partition, _offset
LIMIT 1 BY subject_id, event_id;

CREATE OR REPLACE VIEW episodes_current AS
SELECT * FROM (
    SELECT * FROM episodes FINAL
    ORDER BY subject_id, episode_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, episode_id
)
WHERE NOT retracted;
