-- everybody but one
-- 20
SELECT count(*) FROM logs WHERE tyid <> X'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1'
