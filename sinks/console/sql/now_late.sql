-- Tasks of staff whose deadline has passed and that are not done.
SELECT count() AS late
FROM (
    -- include tasks_undone
) AS task
WHERE due_at < fromUnixTimestamp64Micro(%(now)s, 'UTC');
