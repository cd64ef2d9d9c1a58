-- an error of the statement's own
-- 
SELECT CAST('x' AS INT) FROM logs
