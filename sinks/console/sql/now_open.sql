-- Where it hurts: episodes of the last day and all that are open, by touchpoint and cause.
-- `nobody`: nobody has taken it (no receipt yet, its stage is still to listen). `before`: opened in the day before `recent`.
-- `overdue`: deadlines that have passed: tasks that are late (tasks_undone.sql), and next steps that are late without such a task.
SELECT
    brand, journey, touchpoint, cause,
    countIf(opened_at > fromUnixTimestamp64Micro(%(recent)s, 'UTC')) AS recent,
    countIf(opened_at > fromUnixTimestamp64Micro(%(recent)s, 'UTC') AND origin = 'said') AS recent_said,
    countIf(opened_at > fromUnixTimestamp64Micro(%(recent)s, 'UTC') AND origin = 'inferred') AS recent_inferred,
    countIf(opened_at > fromUnixTimestamp64Micro(%(day)s, 'UTC') AND opened_at <= fromUnixTimestamp64Micro(%(recent)s, 'UTC')) AS before,
    min(opened_at) AS first_at,
    countIf(state = 'open') AS open,
    countIf(state = 'open' AND origin = 'said') AS open_said,
    countIf(state = 'open' AND origin = 'inferred') AS open_inferred,
    countIf(state = 'open' AND stage = 'listen') AS nobody,
    sumIf(late, state = 'open') AS late_tasks,
    late_tasks + countIf(state = 'open' AND late = 0 AND due_at < fromUnixTimestamp64Micro(%(now)s, 'UTC')) AS overdue,
    minIf(opened_at, state = 'open') AS oldest_at,
    uniqExactIf(subject_id, state = 'open') AS customers,
    countIf(state = 'treated') AS treated
FROM (
    SELECT
        episode_id, revision, retracted, subject_id, brand, journey, touchpoint, unit, state, stage, opened_at, cause, origin,
        due_at
    FROM episodes FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    ORDER BY subject_id, episode_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, episode_id
) AS episode
LEFT JOIN (
    SELECT episode_id, count() AS late
    FROM (
        -- include tasks_undone
    ) AS undone
    WHERE due_at < fromUnixTimestamp64Micro(%(now)s, 'UTC')
    GROUP BY episode_id
) AS task USING (episode_id)
WHERE NOT retracted
    AND (%(whole)s = 1 OR unit IN %(units)s)
    AND (state = 'open' OR opened_at > fromUnixTimestamp64Micro(%(day)s, 'UTC'))
GROUP BY brand, journey, touchpoint, cause
ORDER BY recent DESC, nobody DESC, open DESC
LIMIT 500;
