-- allowed in decrypted: going back is always possible
CALL privet.encrypt();
