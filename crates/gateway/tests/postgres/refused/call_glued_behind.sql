-- refused in protected: 42601: a session command is alone
CALL privet.encrypt(); SELECT 1;
