-- The newest events that measures read; one that is there twice is told apart by its id later.
SELECT
    event_id, subject_type, subject_id, occurred_at, touchpoint, outcome, waiting_seconds, duration_seconds, promised_at, matter, unit
FROM touchpoints
WHERE _timestamp > now() - INTERVAL 35 DAY AND touchpoint IN %(measured)s AND brand = %(brand)s
    AND occurred_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
    AND (%(whole)s = 1 OR unit IN %(units)s)
    AND (%(within)s = '' OR unit IN %(below)s)
ORDER BY occurred_at DESC
LIMIT %(rows)s;
