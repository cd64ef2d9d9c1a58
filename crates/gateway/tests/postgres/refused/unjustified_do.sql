-- refused in unjustified: 42501: nobody has said why they are here
DO $$ BEGIN RAISE NOTICE '%', (SELECT country FROM customer LIMIT 1); END $$;
