-- refused in protected: 42501: the guard of sealed columns stays
DROP DOMAIN privet.sealed_text CASCADE;
