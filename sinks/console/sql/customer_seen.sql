-- May somebody see this subject? At least one row of hers must lie in the scope. One row.
SELECT
    (SELECT count() FROM episodes WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit IN %(units)s))
    + (SELECT count() FROM actions WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit IN %(units)s))
    + (SELECT count() FROM touchpoints WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit IN %(units)s))
    + (SELECT count() FROM feedback WHERE subject_id = %(subject)s AND (%(whole)s = 1 OR unit IN %(units)s)) AS rows;
