-- When the customers of `whom` came into which segment of a kind; of updates of one instant the last by id counts. Nothing without a kind.
SELECT subject_id, occurred_at AS since_at, value
FROM (
    SELECT subject_id, event_id, occurred_at, mapContains(segments, %(segments)s) AS told, segments[%(segments)s] AS value
    FROM customers FINAL
    WHERE %(segments)s != '' AND subject_id IN (SELECT subject_id FROM whom)
    ORDER BY subject_id, event_id, _topic, _partition, _offset
    LIMIT 1 BY subject_id, event_id
)
WHERE told
ORDER BY subject_id, occurred_at, event_id DESC
LIMIT 1 BY subject_id, occurred_at
