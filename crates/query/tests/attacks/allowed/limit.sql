-- a limit counts rows that may be seen
-- 25
SELECT count(*) FROM (SELECT * FROM logs LIMIT 25)
