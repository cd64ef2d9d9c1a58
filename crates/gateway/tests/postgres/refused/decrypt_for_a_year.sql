-- refused in protected: 22023: for a short time
CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1', 'email', 525600);
