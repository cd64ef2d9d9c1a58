-- allowed in decrypted: no other field
-- shows: pv1_
SELECT phone, note FROM customer WHERE id = 1;
