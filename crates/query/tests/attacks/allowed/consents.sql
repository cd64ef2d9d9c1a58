-- and of nobody else
-- 3
SELECT count(*) FROM consents
