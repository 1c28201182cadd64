-- Every feedback is answered: which is not? A feedback has ended when something that follows from it reached the customer (a message
-- that is final), was put right (`resolved`), or when the episode that it speaks in was closed. Held out counts as an end of its own.

CREATE OR REPLACE VIEW feedback_open_ends AS
SELECT
    feedback_current.subject_id AS subject_id,
    feedback_current.event_id AS event_id,
    feedback_current.occurred_at AS occurred_at,
    feedback_current.brand AS brand,
    feedback_current.unit AS unit,
    feedback_current.touchpoint AS touchpoint,
    feedback_current.kind AS kind,
    feedback_current.score AS score,
    followed.actions AS actions,
    followed.last_status AS last_status,
    followed.due_at AS due_at,
    told.episodes AS episodes,
    multiIf(told.episodes > 0, 'episode open', followed.actions > 0, 'not finished', 'nothing followed') AS state
FROM feedback_current
LEFT JOIN (
    SELECT
        event_id,
        count() AS actions,
        countIf(acted.emit = 'settled' OR acted.status = 'resolved' OR ended.state = 'closed') AS ends,
        argMax(acted.status, acted.received_at) AS last_status,
        max(acted.due_at) AS due_at
    FROM (
        SELECT emit, status, received_at, due_at, episode_id, arrayJoin(arrayDistinct(arrayConcat([occasion], evidence.event_id))) AS event_id
        FROM actions_status
    ) AS acted
    LEFT JOIN episodes_current AS ended ON ended.episode_id = acted.episode_id
    GROUP BY event_id
) AS followed ON followed.event_id = feedback_current.event_id
LEFT JOIN (
    SELECT
        event_id,
        count() AS episodes,
        countIf(state = 'closed') AS closed
    FROM episodes_current
    ARRAY JOIN evidence.event_id AS event_id
    GROUP BY event_id
) AS told ON told.event_id = feedback_current.event_id
LEFT JOIN (
    SELECT DISTINCT occasion AS event_id
    FROM holdouts_current
) AS kept ON kept.event_id = feedback_current.event_id
WHERE followed.ends = 0 AND told.closed = 0 AND kept.event_id = '';
