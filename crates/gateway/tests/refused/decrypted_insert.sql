-- refused in decrypted: *: a decrypted session only reads
INSERT INTO invoice (customer_id) SELECT id FROM customer;
