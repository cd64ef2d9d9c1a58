-- joining a table with itself brings nobody back
-- 30
SELECT count(*) FROM logs a JOIN logs b ON a.tyid = b.tyid AND a.n = b.n
