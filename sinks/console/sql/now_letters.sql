-- How many messages were refused in the last hour, whoever they belong to. One row.
SELECT count() AS messages, uniqExact(reason) AS reasons FROM dead_letters_current WHERE _timestamp > now() - INTERVAL 1 HOUR;
