-- The actions in force of some episodes, each with what became of it.
SELECT
    action_id, episode_id, subject_id, kind, audience, unit, assignee, step, due_at, decided_at, text, solution,
    parameters['name'] AS name
FROM (
    SELECT
        action_id, revision, retracted, episode_id, subject_id, kind, audience, unit, assignee, step, due_at, decided_at,
        text, solution, parameters
    FROM actions FINAL
    WHERE episode_id IN %(episodes)s AND subject_id IN %(subjects)s
    ORDER BY subject_id, action_id, revision DESC, _topic, _partition, _offset
    LIMIT 1 BY subject_id, action_id
)
WHERE NOT retracted AND (%(whole)s = 1 OR unit IN %(units)s)
ORDER BY decided_at, action_id;
