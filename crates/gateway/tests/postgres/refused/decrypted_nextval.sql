-- refused in decrypted: 25006: a decrypted connection reads
CREATE SEQUENCE s;
