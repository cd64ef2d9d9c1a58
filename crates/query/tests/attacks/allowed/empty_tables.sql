-- tables that nobody wrote to
-- 0
SELECT (SELECT count(*) FROM spans) + (SELECT count(*) FROM points)
