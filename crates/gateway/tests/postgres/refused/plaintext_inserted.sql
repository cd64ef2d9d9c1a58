-- refused in protected: 23514: plaintext in a sealed column
INSERT INTO customer (id, first_name) VALUES (9, 'Ada');
