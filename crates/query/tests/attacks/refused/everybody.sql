-- a table beside the filter
-- not found
SELECT * FROM logs_unfiltered
