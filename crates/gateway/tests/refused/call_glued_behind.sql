-- refused in protected: 42601: a call is alone in its message
CALL privet.encrypt(); SELECT email FROM customer;
