-- values together
-- 30
SELECT cardinality(array_agg(n)) FROM logs
