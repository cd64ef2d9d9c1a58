-- the smallest
-- 1
SELECT min(n) FROM logs
