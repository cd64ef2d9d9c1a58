-- an attribute that only others have
-- 0
SELECT count(secret) FROM logs
