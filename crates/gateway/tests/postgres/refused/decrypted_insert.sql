-- refused in decrypted: 25006: a decrypted connection reads
INSERT INTO invoice VALUES (5, 1);
