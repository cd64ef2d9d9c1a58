-- bits that others were stamped with
-- 5
SELECT max(consent) FROM logs
