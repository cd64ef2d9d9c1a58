-- asking for those who are not among those who may be seen
-- 0
SELECT count(*) FROM logs WHERE tyid NOT IN (SELECT tyid FROM consents)
