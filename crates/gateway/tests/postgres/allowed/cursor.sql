-- allowed in protected: a cursor shows ciphertext
-- shows: pv1_
BEGIN; DECLARE c CURSOR FOR SELECT first_name FROM customer; FETCH ALL FROM c; COMMIT;
