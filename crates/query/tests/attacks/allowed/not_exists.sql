-- asking for those who have no consent
-- 0
SELECT count(*) FROM logs l WHERE NOT EXISTS (SELECT 1 FROM consents c WHERE c.tyid = l.tyid)
