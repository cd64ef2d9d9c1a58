-- a second statement behind a question
-- 
SELECT 1; DROP TABLE logs
