-- neither with a condition that is always true
-- 30
SELECT count(*) FROM logs WHERE 1 = 1 OR tyid IS NULL
