-- refused in protected: 22023: evidence can be followed
CALL privet.decrypt(consent => 'she said yes on the phone', subject => 'customer:1');
