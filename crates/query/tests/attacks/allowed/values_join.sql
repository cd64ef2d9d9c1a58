-- ids that the statement brings along
-- 10
SELECT count(*) FROM logs l JOIN (VALUES (X'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1'), (X'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1')) v(id) ON CAST(l.tyid AS BYTEA) = v.id
