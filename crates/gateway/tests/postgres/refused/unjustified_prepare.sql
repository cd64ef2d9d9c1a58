-- refused in unjustified: 42501: nobody has said why they are here
PREPARE p AS SELECT country FROM customer;
