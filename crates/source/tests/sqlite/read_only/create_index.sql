-- 42501 a decrypted session only reads
CREATE INDEX i ON item (title);
