-- Brands and units that anybody said something of, among those that somebody may see.
SELECT groupUniqArray(200)(brand) AS brands, groupUniqArray(500)(unit) AS units
FROM experiences
WHERE _timestamp > now() - INTERVAL 35 DAY AND (%(whole)s = 1 OR unit IN %(units)s);
