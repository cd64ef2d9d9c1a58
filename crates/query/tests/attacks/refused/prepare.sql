-- a statement for later
-- only questions
PREPARE p AS SELECT count(*) FROM logs
