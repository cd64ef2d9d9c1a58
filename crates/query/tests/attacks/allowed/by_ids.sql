-- or for several
-- 10
SELECT count(*) FROM logs WHERE tyid IN (X'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', X'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1')
