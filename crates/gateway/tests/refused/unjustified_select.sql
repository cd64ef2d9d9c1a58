-- refused in unjustified: 42501: first a reason
SELECT count(*) FROM customer;
