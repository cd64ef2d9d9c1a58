-- P0001 column `email` takes sealed values only
REPLACE INTO customer (id, email) VALUES (1, 'eve@example.com');
