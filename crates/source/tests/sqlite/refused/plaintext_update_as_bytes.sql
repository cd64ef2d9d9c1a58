-- P0001 column `email` takes sealed values only
UPDATE customer SET email = CAST(email AS BLOB) WHERE id = 1;
