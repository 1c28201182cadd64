-- Where people and dashboards read.
--
--   <table>_final     every message once, all revisions
--   <table>_current   what holds now: one row an id, the highest revision, retracted ones left out
--
-- Between the copies of one revision, and of one event id, the lowest position wins, as in the worker.
-- An id belongs to one subject; naming both lets a condition on either reach the tables' keys and indexes.

CREATE OR REPLACE VIEW touchpoints_final AS SELECT * FROM touchpoints FINAL;
CREATE OR REPLACE VIEW feedback_final AS SELECT * FROM feedback FINAL;
CREATE OR REPLACE VIEW action_updates_final AS SELECT * FROM action_updates FINAL;
CREATE OR REPLACE VIEW experiences_final AS SELECT * FROM experiences FINAL;
CREATE OR REPLACE VIEW actions_final AS SELECT * FROM actions FINAL;
CREATE OR REPLACE VIEW episodes_final AS SELECT * FROM episodes FINAL;
CREATE OR REPLACE VIEW dead_letters_final AS SELECT * FROM dead_letters FINAL;

CREATE OR REPLACE VIEW touchpoints_current AS
SELECT * FROM touchpoints FINAL
ORDER BY subject_id, event_id, _topic, _partition, _offset
LIMIT 1 BY subject_id, event_id;

CREATE OR REPLACE VIEW feedback_current AS
SELECT * FROM feedback FINAL
ORDER BY subject_id, event_id, _topic, _partition, _offset
LIMIT 1 BY subject_id, event_id;

CREATE OR REPLACE VIEW action_updates_current AS
SELECT * FROM action_updates FINAL
ORDER BY subject_id, event_id, _topic, _partition, _offset
LIMIT 1 BY subject_id, event_id;

CREATE OR REPLACE VIEW experiences_current AS
SELECT * FROM (
    SELECT * FROM experiences FINAL
    ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
)
WHERE NOT retracted;

CREATE OR REPLACE VIEW actions_current AS
SELECT * FROM (
    SELECT * FROM actions FINAL
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted;

CREATE OR REPLACE VIEW episodes_current AS
SELECT * FROM (
    SELECT * FROM episodes FINAL
    ORDER BY subject_id, episode_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, episode_id
)
WHERE NOT retracted;

CREATE OR REPLACE VIEW dead_letters_current AS
SELECT * FROM dead_letters FINAL
ORDER BY source_topic, source_partition, source_offset, reason, _topic, _partition, _offset
LIMIT 1 BY source_topic, source_partition, source_offset, reason;

-- An action with its latest receipt: is it being worked on?
CREATE OR REPLACE VIEW actions_status AS
SELECT
    actions_current.*,
    receipts.status AS status,
    receipts.receipts AS receipts,
    receipts.received_at AS received_at
FROM actions_current
LEFT JOIN (
    SELECT
        action_id,
        argMax(action_updates_current.status, (occurred_at, _partition, _offset)) AS status,
        count() AS receipts,
        max(occurred_at) AS received_at
    FROM action_updates_current
    GROUP BY action_id
) AS receipts ON receipts.action_id = actions_current.action_id;
