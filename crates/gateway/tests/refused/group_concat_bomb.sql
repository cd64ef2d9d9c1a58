-- refused in protected: *: memory is bounded
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)
SELECT length(group_concat(hex(randomblob(1000)))) FROM n;
