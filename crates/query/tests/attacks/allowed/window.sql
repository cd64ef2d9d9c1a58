-- neighbours in a window
-- 10
SELECT max(lead) FROM (SELECT lead(n) OVER (PARTITION BY tyid ORDER BY n) AS lead FROM logs)
