-- 42501 a decrypted session only reads
EXPLAIN INSERT INTO item (title) VALUES ('chair');
