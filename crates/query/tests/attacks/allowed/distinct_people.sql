-- how many people there are
-- 3
SELECT count(DISTINCT tyid) FROM logs
