-- refused in protected: 25001: the mode changes outside of transactions
BEGIN; SELECT 1;
-- second message
CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1');
