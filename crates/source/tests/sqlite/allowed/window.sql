SELECT id, row_number() OVER (ORDER BY id DESC) FROM customer;
