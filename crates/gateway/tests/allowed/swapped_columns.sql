-- allowed in decrypted: names of columns open nothing; phone was not granted
-- hides: 555 01
SELECT phone AS email, note AS first_name FROM customer WHERE id = 1;
