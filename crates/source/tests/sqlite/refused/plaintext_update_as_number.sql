-- P0001 column `name` takes sealed values only
UPDATE customer SET name = 7 WHERE id = 1;
