-- allowed in protected: what is returned is ciphertext
-- shows: pv1_
UPDATE customer SET visits = visits WHERE id = 1 RETURNING *;
