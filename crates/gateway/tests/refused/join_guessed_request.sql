-- refused in protected: 42704: an approval is used by the session that asked
CALL privet.join('00000000-0000-4000-8000-000000000000');
