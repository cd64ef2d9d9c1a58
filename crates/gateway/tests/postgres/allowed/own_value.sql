-- allowed in decrypted: the granted fields of the granted person
-- shows: Adalaide|ada@example.com
SELECT first_name, email FROM customer WHERE id = 1;
