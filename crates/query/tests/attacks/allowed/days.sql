-- a day on which only others came
-- 2
SELECT count(DISTINCT day) FROM logs
