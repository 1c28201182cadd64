-- What people have to do now: actions in force for staff, the most urgent first, without those that are settled.
SELECT
    action_id, episode_id, subject_type, subject_id, kind, audience, unit, assignee, step, due_at, decided_at, text, solution,
    touchpoint, cause, origin, score, amount, currency, channel, status, status_by, parameters['name'] AS name,
    count() OVER () AS total
FROM (
    SELECT
        action_id, revision, retracted, episode_id, subject_type, subject_id, kind, audience, unit, assignee, step, due_at,
        decided_at, text, solution, touchpoint, cause, origin, score, amount, currency, channel, parameters
    FROM actions FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
) AS action
LEFT JOIN (
    SELECT
        action_id,
        argMax(action_updates.status, (occurred_at, _partition, _offset)) AS status,
        argMax(action_updates.by, (occurred_at, _partition, _offset)) AS status_by
    FROM action_updates FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    GROUP BY action_id
) AS receipt USING (action_id)
WHERE NOT retracted
    AND (%(whole)s = 1 OR unit IN %(units)s)
    AND audience NOT IN %(not_staff)s
    AND status NOT IN ('resolved', 'declined')
    AND (%(staff)s = '' OR assignee IN ('', %(staff)s))
ORDER BY status = 'compensated' OR (status = 'contacted' AND step IN ('listen', 'respond')), due_at IS NULL, due_at, score DESC, action_id
LIMIT %(rows)s;
