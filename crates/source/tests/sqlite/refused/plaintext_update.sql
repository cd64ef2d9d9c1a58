-- P0001 column `email` takes sealed values only
UPDATE customer SET email = 'eve@example.com' WHERE id = 1;
