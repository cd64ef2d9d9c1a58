-- allowed in decrypted: a header alone opens nothing
-- shows: pv1_
-- hides: Adalaide
SELECT overlay(first_name PLACING 'AAAA' FROM 60) FROM customer WHERE id = 1;
