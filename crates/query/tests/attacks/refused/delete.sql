-- deleting
-- 
DELETE FROM logs
