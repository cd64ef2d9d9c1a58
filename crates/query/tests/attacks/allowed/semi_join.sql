-- a half join
-- 30
SELECT count(*) FROM logs LEFT SEMI JOIN consents ON logs.tyid = consents.tyid
