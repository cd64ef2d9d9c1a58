-- allowed in protected: dynamic SQL finds ciphertext
-- shows: found pv1_
DO $$ DECLARE v text; BEGIN EXECUTE 'SELECT first_name FROM customer WHERE id = 2' INTO v; RAISE NOTICE 'found %', v; END $$;
