-- refused in protected: 42601: a call is alone in its message
BEGIN; CALL privet.decrypt('https://t.example.com/1', 'customer:2'); SELECT email FROM customer; COMMIT;
