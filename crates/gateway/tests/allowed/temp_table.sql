-- allowed in protected: a copy is as sealed as the original
-- shows: pv1_
CREATE TEMP TABLE copy AS SELECT * FROM customer; SELECT email FROM copy; DROP TABLE copy;
