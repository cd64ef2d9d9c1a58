-- 42501 a decrypted session only reads
CREATE TEMP TABLE copy AS SELECT * FROM customer;
