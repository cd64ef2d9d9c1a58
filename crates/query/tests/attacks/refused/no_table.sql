-- a table that there is not
-- not found
SELECT * FROM people
