-- refused in protected: *: what keeps sealed columns sealed stays
DROP TRIGGER privet_guard_insert_customer;
