-- Actions that hold, by the span of time of their cause, audience and origin.
SELECT audience, origin, intDiv(toUnixTimestamp64Micro(decided_at) - %(since)s, %(span)s) AS span, count() AS actions
FROM (
    SELECT action_id, revision, retracted, audience, origin, unit, decided_at
    FROM actions FINAL
    WHERE _timestamp > now() - INTERVAL 3 DAY
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted
    AND (%(whole)s = 1 OR unit IN %(units)s)
    AND toUnixTimestamp64Micro(decided_at) >= %(since)s
GROUP BY audience, origin, span
HAVING span < %(spans)s
ORDER BY audience, origin, span;
