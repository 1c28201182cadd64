-- Tasks of staff whose deadline has passed and that are not done, of an episode or not. What must happen by then has happened where
-- somebody has reached the customer, for steps that ask for that, or has compensated.
SELECT count() AS late
FROM (
    SELECT action_id, revision, retracted, unit, step, due_at
    FROM actions FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY AND audience NOT IN %(not_staff)s
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
) AS action
LEFT JOIN (
    SELECT action_id, argMax(action_updates.status, (occurred_at, _partition, _offset)) AS status
    FROM action_updates FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    GROUP BY action_id
) AS receipt USING (action_id)
WHERE NOT retracted AND due_at < fromUnixTimestamp64Micro(%(now)s, 'UTC')
    AND (%(whole)s = 1 OR unit IN %(units)s)
    AND status NOT IN ('resolved', 'declined', 'compensated')
    AND NOT (status = 'contacted' AND step IN ('listen', 'respond'));
