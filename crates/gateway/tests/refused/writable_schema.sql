-- refused in protected: *: the schema is not written past the engine
PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'x';
