-- a schema that there is not
-- not found
SELECT * FROM raw.logs
