-- refused in protected: 23514: plaintext in a sealed column
INSERT INTO customer (id, first_name) SELECT id, first_name FROM customer WHERE id = 1 ON CONFLICT (id) DO UPDATE SET first_name = 'Ada';
