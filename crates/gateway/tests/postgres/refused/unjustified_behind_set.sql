-- refused in unjustified: 42501: nobody has said why they are here
SET extra_float_digits = 3; SELECT country FROM customer;
