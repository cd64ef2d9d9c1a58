-- 42501 a decrypted session only reads
DROP TABLE log;
