-- allowed in decrypted: a value that is put together again opens, for it is the granted one
-- shows: ada@example.com
SELECT 'pv' || '1_' || substr(email, 5) FROM customer WHERE id = 1;
