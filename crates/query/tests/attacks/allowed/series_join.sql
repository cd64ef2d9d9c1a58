-- joined with rows
-- 300
SELECT count(*) FROM generate_series(1, 10), logs
