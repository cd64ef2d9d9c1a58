-- refused in protected: 42501: you are who you logged in as
SET SESSION AUTHORIZATION privet;
