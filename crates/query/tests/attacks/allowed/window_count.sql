-- counts in a window
-- 30
SELECT max(c) FROM (SELECT count(*) OVER () AS c FROM logs)
