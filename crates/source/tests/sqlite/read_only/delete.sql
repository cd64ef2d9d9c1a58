-- 42501 a decrypted session only reads
DELETE FROM item;
