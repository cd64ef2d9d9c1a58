-- refused in protected: *: deleted bytes stay overwritten
PRAGMA secure_delete = OFF;
