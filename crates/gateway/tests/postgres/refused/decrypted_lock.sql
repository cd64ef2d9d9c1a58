-- refused in decrypted: 42501: a decrypted connection stands in nobody's way
BEGIN; LOCK TABLE customer IN ACCESS EXCLUSIVE MODE;
