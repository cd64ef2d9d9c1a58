-- rows behind the last
-- 0
SELECT count(*) FROM (SELECT * FROM logs OFFSET 30)
