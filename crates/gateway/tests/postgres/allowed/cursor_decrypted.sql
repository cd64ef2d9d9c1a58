-- allowed in decrypted: a cursor opens the same
-- shows: Adalaide
-- hides: Benedict
BEGIN; DECLARE c CURSOR FOR SELECT first_name FROM customer ORDER BY id; FETCH 2 FROM c; ROLLBACK;
