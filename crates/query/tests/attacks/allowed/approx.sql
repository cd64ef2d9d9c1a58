-- also about
-- 3
SELECT approx_distinct(encode) FROM (SELECT CAST(tyid AS BYTEA) AS encode FROM logs)
