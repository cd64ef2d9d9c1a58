DELETE FROM customer WHERE id = 2;
