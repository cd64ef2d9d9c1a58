-- a value that nobody gives
-- 
SELECT count(*) FROM logs WHERE n = $1
