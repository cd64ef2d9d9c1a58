-- refused in protected: 42501: nobody rises here
ALTER ROLE CURRENT_USER SUPERUSER;
