-- allowed in protected: a value stays its own person's
BEGIN; UPDATE customer SET first_name = (SELECT first_name FROM customer WHERE id = 1) WHERE id = 2; ROLLBACK;
