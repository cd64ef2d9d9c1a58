-- refused in protected: 42501: the server is not configured through this door
SELECT pg_reload_conf();
