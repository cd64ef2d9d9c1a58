-- a file as a table
-- 
CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc/passwd'
