-- the sum is that of the people who agree
-- 165
SELECT sum(n) FROM logs
