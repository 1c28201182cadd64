-- What one subject said, with what it was found to mean, the latest first.
SELECT
    said.event_id AS event_id, said.occurred_at AS occurred_at, said.channel AS channel, said.kind AS kind, said.score AS score,
    said.scale_max AS scale_max, said.text AS text, said.language AS language, said.unit AS unit,
    meant.touchpoint AS touchpoint, meant.journey AS journey, meant.dimension AS dimension, meant.experience AS experience,
    meant.expectation AS expectation, meant.satisfaction AS satisfaction, meant.sentiment AS sentiment,
    meant.text_start AS text_start, meant.text_end AS text_end, meant.score AS level, meant.found AS found,
    arrayZip(meant.loser_kinds, meant.loser_reasons, meant.loser_details) AS losers
FROM (
    SELECT event_id, occurred_at, channel, kind, score, scale_max, text, language, unit
    FROM feedback_current
    WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit = '' OR unit IN %(units)s)
) AS said
LEFT JOIN (
    SELECT
        event_id, touchpoint, journey, dimension, experience, expectation, satisfaction, sentiment, text_start, text_end, score,
        1 AS found, losers.kind AS loser_kinds, losers.reason AS loser_reasons, losers.detail AS loser_details
    FROM experiences_current
    WHERE subject_id = %(subject)s
) AS meant ON meant.event_id = said.event_id
ORDER BY occurred_at DESC, event_id
LIMIT 200;
