-- refused in protected: 42883: there is no such command
CALL privet.open_everything();
