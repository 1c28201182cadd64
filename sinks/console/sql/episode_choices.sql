-- What there is to filter by, among the episodes of the last weeks that somebody may see.
SELECT
    groupUniqArray(200)(brand) AS brands, groupUniqArray(500)(unit) AS units, groupUniqArray(500)(touchpoint) AS touchpoints,
    groupUniqArray(50)(tier) AS tiers, groupUniqArray(200)(cause) AS causes
FROM episodes
WHERE _timestamp > now() - INTERVAL 35 DAY AND (%(whole)s = 1 OR unit IN %(units)s);
