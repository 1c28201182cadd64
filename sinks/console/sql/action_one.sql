-- The action that a receipt is to be about, if it is in force and somebody may see it. At most one row.
SELECT action_id, subject_type, subject_id, unit, audience
FROM (
    SELECT action_id, revision, retracted, subject_type, subject_id, unit, audience
    FROM actions FINAL
    WHERE action_id = %(action)s
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted AND (%(whole)s = 1 OR unit IN %(units)s)
LIMIT 1;
