-- a day of others
-- 0
SELECT count(*) FROM logs WHERE day = DATE '2026-11-03'
