-- allowed in decrypted: each cell by itself
-- shows: Adalaide
-- hides: +1 555
SELECT first_name FROM customer UNION SELECT phone FROM customer;
