-- refused in protected: 42883: there is no such procedure
CALL privet.open_everything();
