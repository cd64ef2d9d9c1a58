-- allowed in protected: a table of one's own holds ciphertext
-- shows: pv1_
CREATE TEMP TABLE t AS SELECT * FROM customer; SELECT * FROM t; DROP TABLE t;
