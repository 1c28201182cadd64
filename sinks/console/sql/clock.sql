-- The newest event that can be believed, and when it arrived: what the story's clock is set by. One row.
SELECT
    max(occurred_at) AS newest_at,
    argMax(_timestamp, occurred_at) AS its_arrival_at,
    max(_timestamp) AS newest_arrival_at,
    max(_inserted_at) AS newest_insert_at,
    count() AS events
FROM touchpoints
WHERE _timestamp > now() - INTERVAL 35 DAY AND occurred_at <= _timestamp + INTERVAL 5 MINUTE;
