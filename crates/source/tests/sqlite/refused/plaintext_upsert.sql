-- P0001 column `email` takes sealed values only
INSERT INTO customer (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET email = 'eve@example.com';
