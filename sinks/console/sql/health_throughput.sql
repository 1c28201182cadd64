-- Messages stored a minute of arrival, by table. Figures of the whole: no names, no units.
SELECT what, minute, count() AS messages FROM (
    SELECT 'touchpoints' AS what, toStartOfMinute(_timestamp) AS minute FROM touchpoints WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'feedback', toStartOfMinute(_timestamp) FROM feedback WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'customers', toStartOfMinute(_timestamp) FROM customers WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'action_updates', toStartOfMinute(_timestamp) FROM action_updates WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'experiences', toStartOfMinute(_timestamp) FROM experiences WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'actions', toStartOfMinute(_timestamp) FROM actions WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'episodes', toStartOfMinute(_timestamp) FROM episodes WHERE _timestamp > now() - INTERVAL 30 MINUTE
    UNION ALL SELECT 'dead_letters', toStartOfMinute(_timestamp) FROM dead_letters WHERE _timestamp > now() - INTERVAL 30 MINUTE
)
GROUP BY what, minute
ORDER BY what, minute;
