-- a tenant none of whose people agree
-- 1
SELECT count(DISTINCT tenant) FROM logs
