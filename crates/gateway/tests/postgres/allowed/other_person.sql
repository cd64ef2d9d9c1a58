-- allowed in decrypted: nobody else's
-- shows: pv1_
SELECT first_name FROM customer WHERE id = 2;
