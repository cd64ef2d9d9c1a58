-- consents are of the same people
-- 3
SELECT count(DISTINCT c.tyid) FROM consents c LEFT JOIN logs l ON c.tyid = l.tyid
