-- refused in unjustified: 42501: nobody has said why they are here
SELECT version(), (SELECT country FROM customer LIMIT 1);
