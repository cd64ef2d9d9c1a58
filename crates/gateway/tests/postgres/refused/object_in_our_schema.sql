-- refused in protected: 42501: Privet's schema is Privet's
CREATE TABLE privet.x (a int);
