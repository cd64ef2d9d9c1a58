-- a division that fails on others' rows
-- 165
SELECT sum(n / (n - 1000) * 0 + n) FROM logs
