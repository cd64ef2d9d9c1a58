-- or in quotes
-- 165
SELECT sum("n") FROM "logs"
