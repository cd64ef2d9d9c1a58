-- an outer join fills up with nothing, not with others
-- 30
SELECT count(*) FROM logs a FULL JOIN logs b ON a.tyid = b.tyid AND a.n = b.n
