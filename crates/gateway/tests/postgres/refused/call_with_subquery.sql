-- refused in protected: 42601: arguments are values
CALL privet.decrypt((SELECT 'https://t.example.com/1'), 'customer:1');
