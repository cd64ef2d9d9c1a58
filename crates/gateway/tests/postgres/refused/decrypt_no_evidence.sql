-- refused in protected: 22023: consent is shown by a link
CALL privet.decrypt('she said yes', 'customer:1');
