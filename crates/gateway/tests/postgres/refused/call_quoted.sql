-- refused in protected: *: quotes make it no other command
CALL "privet"."decrypt"('no link', 'customer:1');
