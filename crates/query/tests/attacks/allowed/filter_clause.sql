-- a condition of an aggregate
-- 0
SELECT count(*) FILTER (WHERE n = 1000) FROM logs
