-- allowed in protected: errors hold ciphertext
-- shows: pv1_
DO $$ BEGIN PERFORM email::int FROM customer; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'said %', SQLERRM; END $$;
