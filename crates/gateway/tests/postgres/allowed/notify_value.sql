-- allowed in protected: a notification holds ciphertext
SELECT pg_notify('x', left(email, 40)) FROM customer WHERE id = 1;
