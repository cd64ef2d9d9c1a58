-- a subquery beside
-- not implemented
SELECT count(*) FROM logs a, LATERAL (SELECT a.n AS m) b
