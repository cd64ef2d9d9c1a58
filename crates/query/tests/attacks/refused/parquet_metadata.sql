-- what a file says about itself
-- 
SELECT * FROM parquet_metadata('/x.parquet')
