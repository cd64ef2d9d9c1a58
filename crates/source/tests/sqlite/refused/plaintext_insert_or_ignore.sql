-- P0001 column `email` takes sealed values only
INSERT OR IGNORE INTO customer (email) VALUES ('eve@example.com');
