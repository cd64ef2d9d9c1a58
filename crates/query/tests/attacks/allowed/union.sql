-- a union scans twice, and twice the same people
-- 330
SELECT sum(n) FROM (SELECT n FROM logs UNION ALL SELECT n FROM logs)
