-- a list of settings
-- 
SHOW ALL
