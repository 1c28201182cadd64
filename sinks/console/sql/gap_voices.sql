-- What each voice says of each row of the gap table: means of what was stated, weighed by trust. A key that rows are not made of is empty;
-- `touchpoint` too where a row is of several. The segment is the customer's at the moment that an answer is about.
WITH whom AS (SELECT subject_id FROM experiences WHERE _timestamp > now() - INTERVAL 35 DAY AND brand = %(brand)s)
SELECT
    respondent AS voice, count() AS answers,
    multiIf(%(by_touchpoint)s = 1 OR uniqExact(place) = 1, any(place), '') AS touchpoint,
    row_dimension AS dimension, row_reason AS reason, row_journey AS journey, row_unit AS unit,
    if(%(by_segment)s = 1, history.value, '') AS segment,
    avgWeighted(said.experience, trust) AS experience,
    avgWeighted(said.expectation, trust) AS expectation,
    avgWeighted(said.satisfaction, trust) AS satisfaction,
    avgWeighted(said.importance, trust) AS importance,
    avgWeighted(said.ideal, trust) AS ideal,
    countIf(expectation_source = 'none') > 0 AS nothing_expected
FROM (
    SELECT
        subject_id, event_id, revision, retracted, brand, respondent, about_at, unit AS its_unit, touchpoint AS place,
        experience, expectation, satisfaction, importance, ideal, trust, expectation_source,
        if(%(by_touchpoint)s = 1, touchpoint, '') AS row_touchpoint,
        if(%(by_dimension)s = 1, dimension, '') AS row_dimension,
        if(%(by_reason)s = 1, reason, '') AS row_reason,
        if(%(by_journey)s = 1, journey, '') AS row_journey,
        if(%(by_unit)s = 1, unit, '') AS row_unit
    FROM experiences FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    ORDER BY subject_id, event_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
) AS said
ASOF LEFT JOIN (
    -- include segment_history
) AS history ON history.subject_id = said.subject_id AND history.since_at <= said.about_at
WHERE NOT retracted AND said.experience IS NOT NULL AND brand = %(brand)s
    AND (%(whole)s = 1 OR its_unit IN %(units)s)
    AND (%(within)s = '' OR its_unit IN %(below)s)
    AND about_at > fromUnixTimestamp64Micro(%(since)s, 'UTC')
    AND (%(every_segment)s = 1 OR history.value = %(segment)s)
GROUP BY respondent, row_touchpoint, row_dimension, row_reason, row_journey, row_unit, segment
LIMIT 2000;
