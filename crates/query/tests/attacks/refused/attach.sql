-- another database
-- 
ATTACH DATABASE 'x.db' AS x
