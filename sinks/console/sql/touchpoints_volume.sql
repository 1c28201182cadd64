-- Contacts, failures, giving up, waiting and lateness by touchpoint in a span of time; and failures over its parts, for the trend.
SELECT
    touchpoint, any(journey) AS journey, count() AS contacts, countIf(outcome = 'failure') AS failures,
    countIf(outcome = 'abandoned') AS abandoned, uniq(subject_id) AS customers,
    quantileIf(0.5)(waiting_seconds, waiting_seconds IS NOT NULL) AS waiting_median,
    quantileIf(0.9)(waiting_seconds, waiting_seconds IS NOT NULL) AS waiting_p90,
    countIf(waiting_seconds IS NOT NULL) AS waited,
    countIf(promised_at IS NOT NULL) AS promised, countIf(occurred_at > promised_at) AS late,
    sumMap(map(span, toUInt64(1))) AS by_span,
    sumMap(map(span, toUInt64(outcome IN ('failure', 'abandoned')))) AS bad_by_span
FROM (
    SELECT touchpoint, journey, outcome, subject_id, waiting_seconds, promised_at, occurred_at,
        intDiv(toUnixTimestamp64Micro(occurred_at) - %(since)s, %(span)s) AS span
    FROM touchpoints FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY AND occurred_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
        AND occurred_at <= fromUnixTimestamp64Micro(%(now)s, 'UTC') + INTERVAL 5 MINUTE
        AND (%(whole)s = 1 OR unit IN %(units)s)
)
GROUP BY touchpoint
ORDER BY contacts DESC
LIMIT 200;
