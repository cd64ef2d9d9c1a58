UPDATE customer SET name = (SELECT name FROM customer WHERE id = 2) WHERE id = 1;
