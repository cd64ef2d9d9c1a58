-- refused in unjustified: 42501: nobody has said why they are here
SELECT country FROM customer;
