-- Episodes of one subject: every revision, so that one sees the level rise and fall; the latest first.
SELECT
    episode_id, revision, retracted, journey, touchpoint, unit, owner, tier, state, stage, opened_at, changed_at, closed_at,
    closed_by, cause, origin, score, peak_score, reopened, due_at, missed,
    arrayZip(evidence.event_id, evidence.occurred_at, evidence.signal, evidence.origin, evidence.weight, evidence.detail) AS evidence_rows,
    arrayZip(losers.kind, losers.reason, losers.detail, losers.rule) AS loser_rows
FROM episodes_final
WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit IN %(units)s)
ORDER BY episode_id, revision, _topic, _partition, _offset
LIMIT 1 BY episode_id, revision
LIMIT 1000;
