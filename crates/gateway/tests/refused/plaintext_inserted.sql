-- refused in protected: *: a sealed column takes no plaintext
INSERT INTO customer (id, first_name, email) VALUES (9, 'Eve', 'eve@example.com');
