-- refused in unjustified: 42501: first a reason
CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:1');
