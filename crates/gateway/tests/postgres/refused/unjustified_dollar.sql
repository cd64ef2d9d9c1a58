-- refused in unjustified: 42501: nobody has said why they are here
SET x.y = $$a$$; SELECT country FROM customer;
