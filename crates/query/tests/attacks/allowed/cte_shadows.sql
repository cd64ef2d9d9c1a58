-- a name that hides a table's hides it for the statement alone
-- 165
WITH consents AS (SELECT * FROM logs) SELECT sum(n) FROM consents
