-- copying an answer into a file
-- 
COPY (SELECT * FROM logs) TO '/tmp/logs.csv' STORED AS CSV
