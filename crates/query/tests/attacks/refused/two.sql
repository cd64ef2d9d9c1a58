-- two statements
-- 
SELECT 1; SELECT 2
