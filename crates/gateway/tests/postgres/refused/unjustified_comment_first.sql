-- refused in unjustified: 42501: nobody has said why they are here
/* SET x = 1; */ SELECT country FROM customer;
