-- a condition on groups
-- 0
SELECT count(*) FROM (SELECT tyid FROM logs GROUP BY tyid HAVING sum(n) > 55)
