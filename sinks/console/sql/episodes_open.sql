-- Episodes that wait for somebody, as they stand now. `first_due_at`: of the next step, or of a task that is to be done before it. `total` counts all that fit, whatever the limit.
SELECT
    episode_id, subject_type, subject_id, brand, journey, touchpoint, unit, owner, tier, state, stage,
    opened_at, changed_at, cause, origin, score, peak_score, reopened, missed, actions,
    if(due_at IS NULL OR task_due_at < due_at, task_due_at, due_at) AS first_due_at,
    count() OVER () AS total
FROM (
    SELECT
        episode_id, revision, retracted, subject_type, subject_id, brand, journey, touchpoint, unit, owner, tier, state,
        stage, opened_at, changed_at, cause, origin, score, peak_score, reopened, due_at, missed, actions
    FROM episodes FINAL
    WHERE _timestamp > now() - INTERVAL 35 DAY
    ORDER BY subject_id, episode_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, episode_id
) AS episode
LEFT JOIN (
    SELECT episode_id, min(due_at) AS task_due_at
    FROM (
        -- include tasks_undone
    ) AS undone
    WHERE due_at IS NOT NULL
    GROUP BY episode_id
) AS task USING (episode_id)
WHERE NOT retracted
    AND (%(whole)s = 1 OR unit IN %(units)s)
    AND ((%(state)s = '' AND state IN ('open', 'superseded_after_work')) OR state = %(state)s)
    AND (%(brand)s = '' OR brand = %(brand)s)
    AND (%(unit)s = '' OR unit = %(unit)s)
    AND (%(touchpoint)s = '' OR touchpoint = %(touchpoint)s)
    AND (%(cause)s = '' OR cause = %(cause)s)
    AND (%(tier)s = '' OR tier = %(tier)s)
    AND (%(origin)s = '' OR origin = %(origin)s)
    AND (%(stage)s = '' OR stage = %(stage)s)
ORDER BY
    multiIf(
        %(sort)s = 'score', -score,
        %(sort)s = 'age', toFloat64(toUnixTimestamp64Micro(opened_at)),
        %(sort)s = 'new', -toFloat64(toUnixTimestamp64Micro(opened_at)),
        toFloat64(toUnixTimestamp64Micro(ifNull(first_due_at, toDateTime64('2299-01-01 00:00:00', 6, 'UTC'))))
    ),
    -score,
    episode_id
LIMIT %(rows)s;
