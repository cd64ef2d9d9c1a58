-- a product has only the rows that may be seen
-- 900
SELECT count(*) FROM logs a, logs b
