-- a subquery in a subquery
-- 165
SELECT sum(s) FROM (SELECT sum(n) AS s FROM (SELECT * FROM logs) GROUP BY tyid)
