-- a list as rows
-- 3
SELECT count(*) FROM unnest([1, 2, 3])
