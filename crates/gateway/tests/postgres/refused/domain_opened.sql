-- refused in protected: 42501: the guard of sealed columns stays
ALTER DOMAIN privet.sealed_text DROP CONSTRAINT sealed_text_check;
