-- Every feedback is answered: which is not? Again (0012): a message does not end it while the episode in which it speaks is open, and
-- an episode that has faded (`quiet`) ends it only where somebody has told what was done.

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
    multiIf(told.open > 0, 'episode open', told.episodes > 0, 'never answered', followed.actions > 0, 'not finished', 'nothing followed') AS state
FROM feedback_current
LEFT JOIN (
    SELECT
        event_id,
        count() AS actions,
        countIf(acted.status = 'resolved' OR (acted.emit = 'settled' AND acted.episode_id = '')) AS ends,
        argMax(acted.status, acted.received_at) AS last_status,
        max(acted.due_at) AS due_at
    FROM (
        SELECT emit, status, received_at, due_at, episode_id, arrayJoin(arrayDistinct(arrayConcat([occasion], evidence.event_id))) AS event_id
        FROM actions_status
    ) AS acted
    GROUP BY event_id
) AS followed ON followed.event_id = feedback_current.event_id
LEFT JOIN (
    SELECT
        spoke.event_id AS event_id,
        count() AS episodes,
        countIf(stands.state != 'closed') AS open,
        countIf(stands.state = 'closed' AND (stands.closed_by != 'quiet' OR worked.actions > 0)) AS ends
    FROM (
        -- What has faded is in the evidence of earlier actions, and not in that of the episode any more.
        SELECT DISTINCT episode_id, arrayJoin(arrayConcat([occasion], evidence.event_id)) AS event_id FROM actions_current WHERE episode_id != ''
        UNION DISTINCT
        SELECT DISTINCT episode_id, arrayJoin(evidence.event_id) AS event_id FROM episodes_current
    ) AS spoke
    INNER JOIN (SELECT episode_id, state, closed_by FROM episodes_current) AS stands ON stands.episode_id = spoke.episode_id
    LEFT JOIN (
        SELECT episode_id, count() AS actions
        FROM actions_status
        WHERE status IN ('contacted', 'compensated', 'resolved', 'waiting_for_customer')
        GROUP BY episode_id
    ) AS worked ON worked.episode_id = spoke.episode_id
    GROUP BY event_id
) AS told ON told.event_id = feedback_current.event_id
LEFT JOIN (
    SELECT DISTINCT occasion AS event_id
    FROM holdouts_current
) AS kept ON kept.event_id = feedback_current.event_id
WHERE followed.ends = 0 AND kept.event_id = '' AND (told.open > 0 OR told.ends = 0);
