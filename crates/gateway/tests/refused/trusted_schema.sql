-- refused in protected: *: what the schema holds is not trusted
PRAGMA trusted_schema = ON;
