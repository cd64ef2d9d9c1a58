-- a condition with side ways
-- 165
SELECT sum(CASE WHEN tyid IS NULL THEN 1000000 ELSE n END) FROM logs
