-- In which segments those were when that measures read events of, from when.
WITH whom AS (
    SELECT subject_id FROM touchpoints
    WHERE _timestamp > now() - INTERVAL 35 DAY AND touchpoint IN %(measured)s AND brand = %(brand)s
        AND occurred_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
        AND (%(whole)s = 1 OR unit IN %(units)s)
        AND (%(within)s = '' OR unit IN %(below)s)
)
SELECT subject_id, since_at, value
FROM (
    -- include segment_history
)
ORDER BY subject_id, since_at;
