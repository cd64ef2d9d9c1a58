-- asking for somebody by id
-- 0
SELECT count(*) FROM logs WHERE tyid = X'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1'
