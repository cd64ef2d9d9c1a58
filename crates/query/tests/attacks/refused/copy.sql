-- copying into a file
-- 
COPY logs TO '/tmp/logs.parquet'
