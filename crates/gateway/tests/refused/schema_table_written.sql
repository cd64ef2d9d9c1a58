-- refused in protected: *: the schema is not written past the engine
DELETE FROM sqlite_schema WHERE name = 'customer';
