-- a range of ids
-- 30
SELECT count(*) FROM logs WHERE tyid >= X'00000000000000000000000000000000'
