-- refused in protected: 42501: Privet's schema is Privet's
CREATE FUNCTION privet.justify(a text) RETURNS void LANGUAGE sql AS '';
