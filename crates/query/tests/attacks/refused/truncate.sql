-- emptying
-- 
TRUNCATE TABLE logs
