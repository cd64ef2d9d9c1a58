-- groups of all and of each
-- 30
SELECT max(c) FROM (SELECT tenant, count(*) AS c FROM logs GROUP BY GROUPING SETS ((), (tenant)))
