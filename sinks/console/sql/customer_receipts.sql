-- What became of actions about one subject, the latest first.
SELECT event_id, action_id, occurred_at, status, by, unit, cost, currency, note
FROM action_updates_current
WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit = '' OR unit IN %(units)s)
ORDER BY occurred_at DESC, event_id
LIMIT 400;
