-- writing
-- 
INSERT INTO logs SELECT * FROM logs
