-- how a statement would be answered, without any number of people or files
-- logical_plan
EXPLAIN SELECT sum(n) FROM logs WHERE tyid = X'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1'
