-- explaining what is refused
-- 
EXPLAIN COPY logs TO '/tmp/logs.parquet'
