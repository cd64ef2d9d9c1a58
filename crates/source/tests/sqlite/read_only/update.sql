-- 42501 a decrypted session only reads
UPDATE item SET title = 'chair';
