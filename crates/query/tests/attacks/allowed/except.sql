-- taking away those who may be seen
-- 0
SELECT count(*) FROM (SELECT tyid FROM logs EXCEPT SELECT tyid FROM consents)
