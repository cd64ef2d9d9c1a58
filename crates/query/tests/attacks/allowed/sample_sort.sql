-- the top of a sort
-- 10
SELECT n FROM logs ORDER BY n DESC LIMIT 1
