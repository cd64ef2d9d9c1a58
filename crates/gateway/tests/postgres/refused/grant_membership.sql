-- refused in protected: 42501: nobody rises here
GRANT pg_read_all_data TO CURRENT_USER;
