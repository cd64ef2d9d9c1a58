-- how a table was made
-- 
SHOW CREATE TABLE logs
