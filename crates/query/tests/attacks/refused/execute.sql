-- a statement of before
-- only questions
EXECUTE p
