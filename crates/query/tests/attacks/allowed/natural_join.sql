-- a join on whatever is alike
-- 3
SELECT count(*) FROM (SELECT DISTINCT tyid FROM logs) NATURAL JOIN (SELECT DISTINCT tyid FROM consents)
