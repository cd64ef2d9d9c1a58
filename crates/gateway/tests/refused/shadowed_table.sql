-- refused in protected: *: a temporary table of the same name does not stand in for the guarded one
CREATE TEMP TABLE customer (id INTEGER, email TEXT);
UPDATE main.customer SET email = 'eve@example.com' WHERE id = 1;
