-- another catalog
-- only questions
CREATE DATABASE d
