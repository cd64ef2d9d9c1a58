-- refused in protected: 0A000: no programs
DO $$ BEGIN RAISE NOTICE 'x'; END $$;
