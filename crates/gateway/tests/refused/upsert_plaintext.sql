-- refused in protected: *: the second half of an upsert is a write as well
INSERT INTO customer (id, first_name, email) SELECT id, first_name, email FROM customer WHERE id = 1
    ON CONFLICT (id) DO UPDATE SET email = 'eve@example.com';
