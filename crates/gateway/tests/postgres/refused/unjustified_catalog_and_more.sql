-- refused in unjustified: 42501: nobody has said why they are here
SELECT * FROM pg_catalog.pg_settings WHERE name='x' UNION ALL SELECT country FROM customer;
