-- the largest value
-- 10
SELECT max(n) FROM logs
