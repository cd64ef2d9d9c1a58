-- a common table expression is scanned as the table is
-- 165
WITH all_logs AS (SELECT * FROM logs) SELECT sum(n) FROM all_logs
