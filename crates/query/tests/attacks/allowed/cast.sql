-- a conversion that fails on others' rows
-- 30
SELECT count(CAST(body AS INT)) FROM logs
