-- refused in protected: 42501: the log of changes holds whole rows
SELECT pg_create_physical_replication_slot('x');
