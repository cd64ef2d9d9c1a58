-- whether somebody is there
-- 0
SELECT count(*) FROM (VALUES (1)) v WHERE EXISTS (SELECT 1 FROM logs WHERE tyid = X'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1')
