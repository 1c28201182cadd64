-- Experience, expectation, satisfaction, importance and gap by touchpoint, from what customers said in a span of time.
SELECT
    journey, touchpoint, count() AS answers, avg(experience) AS experience, avg(expectation) AS expectation,
    avg(satisfaction) AS satisfaction, avg(importance) AS importance, avg(gap) AS gap
FROM (
    SELECT event_id, revision, retracted, journey, touchpoint, unit, about_at, respondent, experience, expectation, satisfaction,
        importance, gap
    FROM experiences FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
)
WHERE NOT retracted AND respondent = 'customer' AND (%(whole)s = 1 OR unit IN %(units)s)
    AND about_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
GROUP BY journey, touchpoint;
