-- a function that reads files
-- 
SELECT * FROM read_parquet('/x.parquet')
