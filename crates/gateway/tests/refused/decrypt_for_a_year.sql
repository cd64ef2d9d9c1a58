-- refused in protected: 22023: a grant is short
CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:1', minutes => 525600);
