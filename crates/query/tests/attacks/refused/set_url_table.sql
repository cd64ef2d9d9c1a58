-- a setting that opens files
-- only questions
SET datafusion.catalog.location = '/'
