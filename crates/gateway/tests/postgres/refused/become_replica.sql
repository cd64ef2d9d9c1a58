-- refused in protected: 42501: constraints cannot be switched off
SET session_replication_role = replica;
