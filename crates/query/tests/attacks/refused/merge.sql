-- writing by merging
-- 
MERGE INTO logs USING consents ON logs.tyid = consents.tyid WHEN MATCHED THEN DELETE
