-- a column that only others' files have
-- 
SELECT hidden FROM logs
