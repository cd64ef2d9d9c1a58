-- refused in unjustified: 42501: first a reason
EXPLAIN QUERY PLAN SELECT email FROM customer;
