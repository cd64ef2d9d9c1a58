-- allowed in decrypted: errors open nothing
-- shows: said pv1_
-- hides: Adalaide
DO $$ BEGIN RAISE NOTICE 'said %', (SELECT first_name FROM customer WHERE id = 1); END $$;
