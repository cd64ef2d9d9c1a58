-- changing
-- 
UPDATE logs SET n = 1
