-- The gap table as it is now, and how promised times were kept: computed from what holds now, so late and revised answers count
-- at once and in any order. `touchstone gap` and `touchstone promises` without a FILE say more; docs/gap.md.

-- By touchpoint and dimension, each kind of respondent apart. What nobody said is NULL and never zero. `is_key`: what disappoints most in
-- its brand and kind of respondent; only there the ideal differs from the actual level.
CREATE OR REPLACE VIEW gap_now AS
SELECT
    brand, respondent, journey, touchpoint, dimension, answers,
    experience, expectation, satisfaction, importance,
    importance * satisfaction AS weighted,
    satisfaction < 0 AND place = 1 AS is_key,
    if(is_key, ideal_stated, experience) AS ideal,
    experience - ideal AS gap
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY brand, respondent
            ORDER BY
                satisfaction IS NULL,
                ifNull(importance, 5) * satisfaction,
                ifNull(importance, 10) * satisfaction,
                journey, touchpoint, dimension
        ) AS place
    FROM (
        SELECT
            brand, respondent, journey, touchpoint, dimension,
            count() AS answers,
            avg(experiences_current.experience) AS experience,
            avg(experiences_current.expectation) AS expectation,
            avg(experiences_current.satisfaction) AS satisfaction,
            avg(experiences_current.importance) AS importance,
            avg(experiences_current.ideal) AS ideal_stated
        FROM experiences_current
        WHERE experiences_current.experience IS NOT NULL
        GROUP BY brand, respondent, journey, touchpoint, dimension
    )
);

-- Promised times by the hour for which they were promised. The first event of a matter that names a time makes the promise, the last
-- success that names the same time keeps it, in time or late; `overdue`: nothing has come, and others' events are later already.
CREATE OR REPLACE VIEW promised_times_by_hour AS
WITH (SELECT max(occurred_at) FROM touchpoints) AS newest
SELECT
    toStartOfHour(promised_at) AS hour, brand, unit, touchpoint,
    countIf(ends_at <= promised_at) AS kept,
    countIf(ends_at > promised_at) AS late,
    countIf(ends_at IS NULL AND promised_at < newest) AS overdue,
    countIf(ends_at IS NULL AND promised_at >= newest) AS waiting,
    quantilesExactIf(0.5, 0.9)(
        dateDiff('second', promised_at, ifNull(ends_at, promised_at)), ends_at > promised_at
    ) AS late_seconds_quantiles
FROM (
    SELECT
        assumeNotNull(touchpoints_current.promised_at) AS promised_at,
        brand,
        argMax(touchpoints_current.unit, occurred_at) AS unit,
        argMax(touchpoints_current.touchpoint, occurred_at) AS touchpoint,
        if(count() > 1 AND argMax(outcome, occurred_at) = 'success', max(occurred_at), NULL) AS ends_at
    FROM touchpoints_current
    WHERE touchpoints_current.promised_at IS NOT NULL AND matter != ''
    GROUP BY subject_id, matter, brand, promised_at
)
GROUP BY hour, brand, unit, touchpoint;
