-- refused in protected: 42601: a decision stands alone
CALL privet.approve('00000000-0000-4000-8000-000000000000'); CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:1');
