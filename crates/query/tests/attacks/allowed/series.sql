-- a table function that makes numbers
-- 10
SELECT count(*) FROM generate_series(1, 10)
