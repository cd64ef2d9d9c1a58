-- refused in unjustified: 42501: facts end where data begins
SELECT version() UNION SELECT email FROM customer;
