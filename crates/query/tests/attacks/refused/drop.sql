-- dropping a table, to make another of its name
-- only questions
DROP TABLE logs
