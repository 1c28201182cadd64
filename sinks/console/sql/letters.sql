-- The latest refused messages: only for those who see everything, because nobody can say whose they are.
SELECT source_topic, source_partition, source_offset, reason, refused_by, detail, _timestamp AS refused_at, length(value) AS bytes
FROM dead_letters_current
WHERE _timestamp > now() - INTERVAL 35 DAY AND %(whole)s = 1
ORDER BY _timestamp DESC, source_topic, source_partition, source_offset
LIMIT %(rows)s;
