-- a time at which only others came
-- 0
SELECT count(*) FROM logs WHERE time < TIMESTAMP '1970-01-01T00:00:00.000000001'
