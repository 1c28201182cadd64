-- Detection latency of the last minutes: from the arrival of an event to the arrival of the action that it caused at once.
WITH recent AS (
    SELECT action_id, decided_at, _timestamp AS told_at, evidence.event_id AS ids, evidence.occurred_at AS times
    FROM actions
    WHERE _timestamp > now() - INTERVAL 15 MINUTE AND revision = 1 AND emit = 'now' AND NOT retracted
        AND (%(whole)s = 1 OR unit IN %(units)s)
)
SELECT
    count() AS actions,
    quantilesExact(0.5, 0.99)(dateDiff('millisecond', arrived_at, told_at) / 1000) AS seconds,
    max(told_at) AS newest_at
FROM (
    SELECT caused.action_id AS action_id, any(told_at) AS told_at, max(input.arrived_at) AS arrived_at
    FROM (SELECT action_id, told_at, decided_at, event_id, at FROM recent ARRAY JOIN ids AS event_id, times AS at WHERE at = decided_at) AS caused
    INNER JOIN (
        SELECT event_id, occurred_at, min(_timestamp) AS arrived_at
        FROM (
            SELECT event_id, occurred_at, _timestamp FROM touchpoints
            WHERE _timestamp > now() - INTERVAL 20 MINUTE AND event_id IN (SELECT arrayJoin(ids) FROM recent)
            UNION ALL
            SELECT event_id, occurred_at, _timestamp FROM feedback
            WHERE _timestamp > now() - INTERVAL 20 MINUTE AND event_id IN (SELECT arrayJoin(ids) FROM recent)
        )
        GROUP BY event_id, occurred_at
    ) AS input ON input.event_id = caused.event_id AND input.occurred_at = caused.at
    GROUP BY action_id
);
