-- a view would outlive the statement
-- only questions
CREATE VIEW v AS SELECT * FROM logs
