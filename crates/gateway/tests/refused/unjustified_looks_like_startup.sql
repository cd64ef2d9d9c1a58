-- refused in unjustified: 42501: the beginning of a listed statement is not the statement
SELECT 1 FROM customer;
