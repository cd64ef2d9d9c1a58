-- allowed in protected: several statements in one message
-- shows: 3
BEGIN; SELECT count(*) FROM customer; SELECT 'x' AS y FROM invoice; ROLLBACK;
