-- a catalog's own tables
-- not found
SELECT * FROM information_schema.tables
