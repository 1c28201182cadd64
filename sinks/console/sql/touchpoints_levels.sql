-- Experience, expectation, satisfaction, importance and gap by touchpoint, from what customers said in a span of time; an answer that looks given in bulk weighs less.
SELECT
    journey, touchpoint, count() AS answers, avgWeighted(said.experience, trust) AS experience, avgWeighted(said.expectation, trust) AS expectation,
    avgWeighted(said.satisfaction, trust) AS satisfaction, avgWeighted(said.importance, trust) AS importance, avgWeighted(said.gap, trust) AS gap
FROM (
    SELECT event_id, revision, retracted, journey, touchpoint, unit, about_at, respondent, experience, expectation, satisfaction,
        importance, gap, trust
    FROM experiences FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
) AS said
WHERE NOT retracted AND respondent = 'customer' AND (%(whole)s = 1 OR unit IN %(units)s)
    AND about_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
GROUP BY journey, touchpoint;
