-- refused in protected: 42501: the server refuses what no list could see
DO $$ BEGIN EXECUTE 'CO' || 'PY customer TO PROGRAM ''true'''; END $$;
