-- a subquery that has more than one row only with others
-- 1
SELECT (SELECT n FROM logs WHERE n IN (1, 1000) AND tyid >= X'a3000000000000000000000000000000')
