-- allowed in decrypted: the engine compares sealed bytes, so a guess learns nothing
-- shows: 0
SELECT count(*) FROM customer WHERE email = 'ada@example.com' OR email LIKE 'ada%' OR first_name < 'B';
