-- How long people waited at each touchpoint, over the parts of a span of time: nine of ten waited at most so long.
SELECT
    touchpoint,
    intDiv(toUnixTimestamp64Micro(occurred_at) - %(since)s, %(span)s) AS span,
    quantile(0.9)(waiting_seconds) AS waiting_p90
FROM touchpoints FINAL
WHERE _timestamp > now() - INTERVAL 35 DAY AND waiting_seconds IS NOT NULL
    AND occurred_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
    AND occurred_at <= fromUnixTimestamp64Micro(%(now)s, 'UTC') + INTERVAL 5 MINUTE
    AND (%(whole)s = 1 OR unit IN %(units)s)
GROUP BY touchpoint, span
LIMIT 10000;
