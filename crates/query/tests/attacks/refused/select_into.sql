-- a copy by another name
-- 
SELECT * INTO t FROM logs
