-- refused in protected: 42501: nobody gives themselves rights
DO $$ BEGIN EXECUTE 'GRANT UPDATE (email_px) ON customer TO ' || current_user; IF NOT has_column_privilege('customer', 'email_px', 'UPDATE') THEN RAISE insufficient_privilege; END IF; END $$;
