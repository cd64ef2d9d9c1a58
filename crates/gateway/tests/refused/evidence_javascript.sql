-- refused in protected: 22023: evidence is a web address, not a script
CALL privet.decrypt(consent => 'javascript:alert(1)', subject => 'customer:1');
