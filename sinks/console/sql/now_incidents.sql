-- What was told about incidents of the last day, as it stands now.
SELECT
    action_id, brand, subject_id, touchpoint, cause, decided_at, kind, audience, unit, assignee, step, due_at, text
FROM (
    SELECT
        action_id, revision, retracted, brand, subject_id, touchpoint, cause, decided_at, kind, audience, unit, assignee,
        step, due_at, text, rule
    FROM actions FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY AND subject_type = 'touchpoint'
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted AND rule = 'incident'
    AND decided_at > fromUnixTimestamp64Micro(%(day)s, 'UTC')
    AND (%(whole)s = 1 OR unit IN %(units)s)
ORDER BY decided_at DESC
LIMIT 50;
