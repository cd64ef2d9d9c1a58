-- 42501 a decrypted session only reads
CREATE TABLE copy AS SELECT * FROM customer;
