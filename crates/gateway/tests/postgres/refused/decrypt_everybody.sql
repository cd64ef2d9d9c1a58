-- refused in protected: *: one person at a time
CALL privet.decrypt('https://t.example.com/1#yes', '*');
