-- P0001 column `email` takes sealed values only
INSERT INTO customer (email) VALUES ('eve@example.com');
