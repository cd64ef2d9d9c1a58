-- a copy
-- only questions
CREATE TABLE t AS SELECT * FROM logs
