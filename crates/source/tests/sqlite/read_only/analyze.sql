-- 42501 a decrypted session only reads
ANALYZE;
