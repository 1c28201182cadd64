-- What makes segments, and which there are, of customers of whom anybody said something that somebody may see.
SELECT name, groupUniqArray(500)(value) AS found
FROM customers ARRAY JOIN mapKeys(segments) AS name, mapValues(segments) AS value
WHERE subject_id IN (
    SELECT subject_id FROM experiences WHERE _timestamp > now() - INTERVAL 35 DAY AND (%(whole)s = 1 OR unit IN %(units)s)
)
GROUP BY name
ORDER BY name
LIMIT 50;
