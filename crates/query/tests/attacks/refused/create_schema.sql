-- another schema
-- only questions
CREATE SCHEMA s
