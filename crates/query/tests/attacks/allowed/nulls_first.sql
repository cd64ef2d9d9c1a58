-- sorting puts nobody first, if nobody is there
-- 1
SELECT n FROM logs ORDER BY tyid NULLS FIRST, n LIMIT 1
