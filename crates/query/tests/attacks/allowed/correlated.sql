-- a subquery that looks outside
-- 30
SELECT count(*) FROM logs a WHERE n <= (SELECT max(n) FROM logs b WHERE b.tyid = a.tyid)
