-- refused in protected: 42704: nobody by this name
CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:31337');
