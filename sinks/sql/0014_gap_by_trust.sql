-- The gap table again: an answer that looks coached or given in bulk weighs less in the means (0011).

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
            avgWeighted(experiences_current.experience, trust) AS experience,
            avgWeighted(experiences_current.expectation, trust) AS expectation,
            avgWeighted(experiences_current.satisfaction, trust) AS satisfaction,
            avgWeighted(experiences_current.importance, trust) AS importance,
            avgWeighted(experiences_current.ideal, trust) AS ideal_stated
        FROM experiences_current
        WHERE experiences_current.experience IS NOT NULL
        GROUP BY brand, respondent, journey, touchpoint, dimension
    )
);
