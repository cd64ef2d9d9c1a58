-- refused in protected: 42501: not a right of this role
TRUNCATE customer CASCADE;
