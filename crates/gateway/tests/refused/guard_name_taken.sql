-- refused in protected: 42501: a trigger of the guard's name would keep the guard away from a table that is sealed later
CREATE TRIGGER privet_guard_insert_invoice BEFORE INSERT ON invoice BEGIN SELECT 1; END;
