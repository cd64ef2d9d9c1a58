-- refused in protected: 22023: an emergency says why it cannot wait
CALL privet.decrypt(subject => 'customer:1', emergency => '!!!');
