-- times and counts of what is read
-- EXPLAIN ANALYZE
EXPLAIN ANALYZE SELECT count(*) FROM logs
