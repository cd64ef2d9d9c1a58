-- 42501 a decrypted session only reads
CREATE TEMP VIEW v AS SELECT * FROM customer;
