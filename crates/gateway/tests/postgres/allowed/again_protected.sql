-- allowed in decrypted: decryption can be given back
-- shows: pv1_
-- hides: Adalaide
CALL privet.encrypt();
-- second message
SELECT first_name FROM customer WHERE id = 1;
