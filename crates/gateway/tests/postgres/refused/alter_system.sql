-- refused in protected: 42501: the server is not configured through this door
ALTER SYSTEM SET log_statement = 'all';
