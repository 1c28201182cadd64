-- What was refused lately, by reason.
SELECT reason, refused_by, source_topic, count() AS messages, max(_timestamp) AS newest_at, any(detail) AS example
FROM dead_letters_current
WHERE _timestamp > now() - INTERVAL 35 DAY
GROUP BY reason, refused_by, source_topic
ORDER BY newest_at DESC
LIMIT 100;
