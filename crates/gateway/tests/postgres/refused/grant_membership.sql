-- refused in protected: 42501: nobody rises here
-- since: 14
GRANT pg_read_all_data TO CURRENT_USER;
