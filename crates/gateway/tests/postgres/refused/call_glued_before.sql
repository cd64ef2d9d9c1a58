-- refused in protected: 42601: a session command is alone
SELECT 1; CALL privet.encrypt();
