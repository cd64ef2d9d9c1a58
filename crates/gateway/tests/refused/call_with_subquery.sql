-- refused in protected: 42601: arguments are literals
CALL privet.decrypt(consent => 'https://t.example.com/1', subject => (SELECT 'customer:2'));
