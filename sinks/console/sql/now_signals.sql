-- When and where dissatisfaction showed, said and inferred apart: a row for each touchpoint, span of time and origin.
-- Inferred: what spoke for an episode, at the touchpoint where it opened. Said: answers below expectation, or that speak for a score.
SELECT journey, touchpoint, origin, span, uniqExact(event_id) AS signals, topK(1)(signal)[1] AS cause
FROM (
    SELECT journey, touchpoint, 'inferred' AS origin, row.1 AS event_id, row.3 AS signal,
        intDiv(toUnixTimestamp64Micro(row.2) - %(since)s, %(span)s) AS span
    FROM (
        SELECT
            subject_id, episode_id, revision, retracted, journey, touchpoint, unit,
            arrayJoin(
                arrayFilter(
                    one -> one.4 = 'inferred' AND toUnixTimestamp64Micro(one.2) >= %(since)s,
                    arrayZip(evidence.event_id, evidence.occurred_at, evidence.signal, evidence.origin)
                )
            ) AS row
        FROM (
            SELECT subject_id, episode_id, revision, retracted, journey, touchpoint, unit,
                evidence.event_id, evidence.occurred_at, evidence.signal, evidence.origin
            FROM episodes FINAL
            WHERE _timestamp > now() - INTERVAL 3 DAY
            ORDER BY subject_id, episode_id, revision DESC, _topic, _partition, _offset
            LIMIT 1 BY subject_id, episode_id
        )
        WHERE NOT retracted AND (%(whole)s = 1 OR unit IN %(units)s)
    )
    UNION ALL
    SELECT journey, touchpoint, 'said' AS origin, event_id,
        if(notEmpty(own), own, 'below_expectation') AS signal,
        intDiv(toUnixTimestamp64Micro(occurred_at) - %(since)s, %(span)s) AS span
    FROM (
        SELECT event_id, revision, retracted, journey, touchpoint, unit, occurred_at, satisfaction,
            arrayFirst(
                (signal, id) -> id = event_id, evidence.signal, evidence.event_id
            ) AS own
        FROM experiences FINAL
        WHERE _timestamp > now() - INTERVAL 3 DAY
        ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
        LIMIT 1 BY subject_id, event_id
    )
    WHERE NOT retracted
        AND (%(whole)s = 1 OR unit IN %(units)s)
        AND toUnixTimestamp64Micro(occurred_at) >= %(since)s
        AND (satisfaction < 0 OR notEmpty(own))
)
WHERE span >= 0 AND span < %(spans)s
GROUP BY journey, touchpoint, origin, span
ORDER BY touchpoint, origin, span;
