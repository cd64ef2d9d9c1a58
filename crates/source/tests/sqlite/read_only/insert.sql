-- 42501 a decrypted session only reads
INSERT INTO item (title) VALUES ('chair');
