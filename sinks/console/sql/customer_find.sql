-- Subjects that somebody may see, the latest first: where a token of an address is looked for when nobody remembers it.
SELECT subject_id FROM (
    SELECT subject_id, max(_timestamp) AS at FROM episodes
    WHERE _timestamp > now() - INTERVAL 35 DAY AND (%(whole)s = 1 OR unit IN %(units)s) GROUP BY subject_id
    UNION ALL
    SELECT subject_id, max(_timestamp) AS at FROM actions
    WHERE _timestamp > now() - INTERVAL 35 DAY AND (%(whole)s = 1 OR unit IN %(units)s) GROUP BY subject_id
    UNION ALL
    SELECT subject_id, max(_timestamp) AS at FROM touchpoints
    WHERE _timestamp > now() - INTERVAL 35 DAY AND (%(whole)s = 1 OR unit IN %(units)s) GROUP BY subject_id
)
GROUP BY subject_id
ORDER BY max(at) DESC
LIMIT 500000;
