-- What happened to one subject, the latest first. Without a unit (web, app): seen by whoever may see the subject.
SELECT
    event_id, occurred_at, channel, journey, touchpoint, place, action, outcome, duration_seconds, waiting_seconds, promised_at,
    amount, currency, matter, product, unit, staff
FROM touchpoints_current
WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit = '' OR unit IN %(units)s)
ORDER BY occurred_at DESC, event_id
LIMIT 400;
