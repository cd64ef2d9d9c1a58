-- refused in protected: 42704: no such person
CALL privet.decrypt('https://t.example.com/1#yes', 'customer:999');
