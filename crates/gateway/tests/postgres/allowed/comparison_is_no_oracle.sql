-- allowed in protected: comparing ciphertext says nothing
-- shows: 0
SELECT count(*) FROM customer WHERE email LIKE 'ada%' OR first_name < 'B' AND first_name > 'A';
