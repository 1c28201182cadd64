-- Tasks of staff that are not done, of an episode or not. What must happen by a deadline has happened where somebody has reached the
-- customer, for steps that ask for that, or has compensated.
SELECT episode_id, due_at
FROM (
    SELECT action_id, revision, retracted, episode_id, unit, step, due_at
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
WHERE NOT retracted AND (%(whole)s = 1 OR unit IN %(units)s)
    AND status NOT IN ('resolved', 'declined', 'compensated')
    AND NOT (status = 'contacted' AND step IN ('listen', 'respond'))
