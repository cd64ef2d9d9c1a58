-- allowed in protected: notices hold ciphertext
-- shows: value pv1_
DO $$ BEGIN RAISE NOTICE 'value %', (SELECT email FROM customer WHERE id = 1); END $$;
