-- What became of some actions, oldest first: each event id once.
SELECT action_id, status, by, occurred_at, note
FROM action_updates FINAL
WHERE action_id IN %(actions)s AND subject_id IN %(subjects)s
ORDER BY subject_id, event_id, _topic, _partition, _offset
LIMIT 1 BY subject_id, event_id;
