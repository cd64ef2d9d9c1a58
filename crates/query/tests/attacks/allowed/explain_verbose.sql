-- in detail
-- initial_logical_plan
EXPLAIN VERBOSE SELECT count(*) FROM logs
