-- allowed in protected: ciphertext is what there is
-- shows: pv1_
SELECT * FROM customer;
