-- refused in protected: *: one subject at a time
CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:*');
