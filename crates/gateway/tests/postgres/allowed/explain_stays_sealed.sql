-- allowed in decrypted: plans open nothing
-- hides: Adalaide
EXPLAIN SELECT * FROM customer WHERE first_name = (SELECT first_name FROM customer WHERE id = 1);
