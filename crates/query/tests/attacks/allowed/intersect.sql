-- what two tables share
-- 3
SELECT count(*) FROM (SELECT tyid FROM logs INTERSECT SELECT tyid FROM consents)
