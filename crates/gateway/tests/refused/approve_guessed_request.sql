-- refused in protected: 42704: there is no such request
CALL privet.approve('00000000-0000-4000-8000-000000000000');
