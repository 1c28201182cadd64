-- One refused message with its bytes, in hexadecimal.
SELECT source_topic, source_partition, source_offset, reason, refused_by, detail, _timestamp AS refused_at, arrived_at,
    hex(key) AS key_hex, hex(value) AS value_hex
FROM dead_letters_current
WHERE source_topic = %(letter_topic)s AND source_partition = %(letter_partition)s AND source_offset = %(letter_offset)s
    AND %(whole)s = 1
LIMIT 1;
