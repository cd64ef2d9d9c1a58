-- allowed in protected: several people who agreed, under one grant
-- hides: ada@example.com
CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:1, customer:2, customer:1', fields => 'email');
