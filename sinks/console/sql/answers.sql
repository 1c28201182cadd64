-- Does ClickHouse answer, are the tables there, may this user read them? No row.
SELECT 1 FROM actions LIMIT 0;
