-- and its other half
-- 0
SELECT count(*) FROM logs LEFT ANTI JOIN consents ON logs.tyid = consents.tyid
