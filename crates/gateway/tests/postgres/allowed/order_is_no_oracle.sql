-- allowed in protected: sorting ciphertext says nothing
-- shows: pv1_
SELECT email FROM customer ORDER BY email;
