-- Actions about one subject, the latest first, with evidence and with what lost.
SELECT
    action_id, episode_id, decided_at, kind, audience, unit, assignee, channel, text, solution, amount, currency, touchpoint,
    cause, step, due_at, origin, score, emit, rule, pack, pack_version, parameters['name'] AS name, parameters['tier'] AS tier,
    arrayZip(evidence.event_id, evidence.occurred_at, evidence.signal, evidence.origin, evidence.weight, evidence.text_start, evidence.text_end, evidence.detail) AS evidence_rows,
    arrayZip(losers.kind, losers.reason, losers.detail, losers.rule) AS loser_rows
FROM actions_current
WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit IN %(units)s)
ORDER BY decided_at DESC, action_id
LIMIT 200;
