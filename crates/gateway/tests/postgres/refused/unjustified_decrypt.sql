-- refused in unjustified: 42501: nobody has said why they are here
CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1');
