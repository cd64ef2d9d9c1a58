-- a condition that an index could serve
-- 10
SELECT count(*) FROM logs WHERE tyid = X'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1' OR tyid = X'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1'
