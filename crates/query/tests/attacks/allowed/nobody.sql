-- rows about nobody known are not shown
-- 0
SELECT count(*) FROM logs WHERE tyid IS NULL
