-- refused in protected: 42501: neither does a temporary trigger come before the guard
CREATE TEMP TRIGGER trap BEFORE UPDATE OF email ON customer BEGIN SELECT RAISE(IGNORE); END;
