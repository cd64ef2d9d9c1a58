-- allowed in decrypted: a union opens no more than its parts
-- shows: Ada
-- hides: Zoë
SELECT first_name FROM customer WHERE id = 1 UNION ALL SELECT first_name FROM customer WHERE id <> 1;
