-- one row of each
-- 3
SELECT count(*) FROM (SELECT DISTINCT ON (tyid) tyid, n FROM logs ORDER BY tyid, n)
