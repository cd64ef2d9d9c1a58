-- a file as a table
-- not found
SELECT * FROM '/etc/passwd'
