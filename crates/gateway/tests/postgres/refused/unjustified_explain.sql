-- refused in unjustified: 42501: nobody has said why they are here
EXPLAIN ANALYZE SELECT * FROM customer;
