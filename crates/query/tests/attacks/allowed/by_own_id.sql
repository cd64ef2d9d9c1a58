-- which works for those who agree
-- 10
SELECT count(*) FROM logs WHERE tyid = X'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1'
