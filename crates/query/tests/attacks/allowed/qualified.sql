-- a table by its whole name
-- 165
SELECT sum(n) FROM datafusion.public.logs
