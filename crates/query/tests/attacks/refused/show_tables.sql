-- a list of tables
-- 
SHOW TABLES
